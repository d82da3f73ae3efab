// A block's view of the routing: which tokens go to an expert, and with what weight.
#pragma once

#include "turbosparse/args.h"
#include "turbosparse/device.cuh"

namespace turbosparse {

// masks [kExperts] in shared memory, unless nullptr: bit t where token t goes to the expert and is no padding.
// weights [kTokens, kExperts] in shared memory, unless nullptr. A thread looks at a token; the caller synchronises.
template <int kTokens, int kExperts>
__device__ __forceinline__ void load_routing(unsigned long long* masks, float* weights, const Routing& routing,
                                             const uint8_t* padding, int tokens) {
  static_assert(kTokens <= 64 && kExperts <= 64, "a bit for each");
  constexpr int kWarps = (kTokens + 31) / 32;
  constexpr int kBatch = 4;  // of a token's experts, whose latencies overlap
  const int t = static_cast<int>(threadIdx.x);
  if (t >= kWarps * 32) return;
  const bool present = t < tokens;
  const bool padded = present && padding != nullptr && __ldcg(padding + t) != 0;
  if (weights != nullptr && t < kTokens) {
#pragma unroll
    for (int e = 0; e < kExperts; ++e) weights[t * kExperts + e] = 0.0f;
  }
  uint64_t experts = 0;
  for (int first = 0; present && first < routing.top_k; first += kBatch) {
    int ids[kBatch];
    float scales[kBatch];
#pragma unroll
    for (int j = 0; j < kBatch; ++j) {
      const int at = t * routing.top_k + min(first + j, routing.top_k - 1);
      ids[j] = __ldcg(routing.topk_ids + at);
      scales[j] = weights == nullptr ? 0.0f : __ldcg(routing.topk_weights + at);
    }
#pragma unroll
    for (int j = 0; j < kBatch; ++j) {
      if (first + j >= routing.top_k || ids[j] < 0 || ids[j] >= kExperts) continue;
      experts |= uint64_t{1} << ids[j];
      if (weights != nullptr) weights[t * kExperts + ids[j]] += scales[j];
    }
  }
  if (masks == nullptr) return;
  if (padded) experts = 0;
#pragma unroll
  for (int e = 0; e < kExperts; ++e) {
    const uint32_t of_warp = __ballot_sync(0xffffffffu, (experts >> e & 1) != 0);
    if (t % 32 != 0) continue;
    if constexpr (kWarps == 1) {
      masks[e] = of_warp;
    } else {
      reinterpret_cast<uint32_t*>(masks + e)[t / 32] = of_warp;
    }
  }
}

// masks as load_routing() makes them, and the experts that have tokens, in order: their number. Synchronises, but for
// the list.
template <int kTokens, int kExperts>
__device__ int list_active_experts(int* active_experts, unsigned long long* masks, const Routing& routing,
                                   const uint8_t* padding, int tokens) {
  load_routing<kTokens, kExperts>(masks, nullptr, routing, padding, tokens);
  __syncthreads();
  int count = 0;
#pragma unroll
  for (int e = 0; e < kExperts; ++e) {
    if (masks[e] == 0) continue;
    if (threadIdx.x == 0) active_experts[count] = e;
    ++count;
  }
  return count;
}

}  // namespace turbosparse
