// A block's view of the routing: which tokens go to an expert, and with what weight.
#pragma once

#include "turbosparse/args.h"
#include "turbosparse/device.cuh"

namespace turbosparse {

// weights [kTokens, kExperts] in shared memory. The threads of the block share the tokens; the caller synchronises.
template <int kTokens, int kExperts>
__device__ void load_routing_weights(float* weights, const Routing& routing, int tokens) {
  for (int t = threadIdx.x; t < kTokens; t += blockDim.x) {
    for (int e = 0; e < kExperts; ++e) weights[t * kExperts + e] = 0.0f;
    for (int k = 0; t < tokens && k < routing.top_k; ++k) {
      const int id = __ldcg(routing.topk_ids + t * routing.top_k + k);
      if (id >= 0 && id < kExperts) weights[t * kExperts + id] += __ldcg(routing.topk_weights + t * routing.top_k + k);
    }
  }
}

// masks [kExperts] in shared memory: bit t where token t goes to the expert and is no padding. Synchronises.
template <int kExperts>
__device__ void load_routing_masks(unsigned long long* masks, const Routing& routing, const uint8_t* padding,
                                   int tokens) {
  for (int e = threadIdx.x; e < kExperts; e += blockDim.x) masks[e] = 0;
  __syncthreads();
  for (int t = threadIdx.x; t < tokens; t += blockDim.x) {
    if (padding != nullptr && __ldcg(padding + t) != 0) continue;
    if constexpr (kExperts == 1) {
      atomicOr(&masks[0], 1ull << t);
    } else {
      for (int k = 0; k < routing.top_k; ++k) {
        const int id = __ldcg(routing.topk_ids + t * routing.top_k + k);
        if (id >= 0 && id < kExperts) atomicOr(&masks[id], 1ull << t);
      }
    }
  }
  __syncthreads();
}

// masks as load_routing_masks() does, and the experts that have tokens, in order: their number. The caller
// synchronises.
template <int kExperts>
__device__ int list_active_experts(int* active_experts, unsigned long long* masks, const Routing& routing,
                                   const uint8_t* padding, int tokens) {
  load_routing_masks<kExperts>(masks, routing, padding, tokens);
  int count = 0;
  for (int e = 0; e < kExperts; ++e) {
    if (masks[e] == 0) continue;
    if (threadIdx.x == 0) active_experts[count] = e;
    ++count;
  }
  return count;
}

}  // namespace turbosparse
