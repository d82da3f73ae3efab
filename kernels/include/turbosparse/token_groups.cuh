// Tokens sorted by expert for grouped GEMMs, and the experts' outputs summed back into tokens.
#pragma once

#include "turbosparse/args.h"
#include "turbosparse/device.cuh"
#include "turbosparse/launch.cuh"

namespace turbosparse {

inline constexpr int kGroupTokensThreads = 1024;

// The expert that a slot is for, or `experts` for none.
__device__ __forceinline__ int expert_of_slot(const GroupTokensArgs& args, int slot) {
  const int id = args.topk_ids[slot];
  const bool routed = id >= 0 && id < args.experts && (args.padding == nullptr || args.padding[slot / args.top_k] == 0);
  return routed ? id : args.experts;
}

// Block e places the slots of expert e, the last block those of none, in the order of their tokens: sums are then of
// the same terms in the same rows on every run.
template <class C>
__global__ void __launch_bounds__(kGroupTokensThreads)
    group_tokens_kernel(const __grid_constant__ GroupTokensArgs args) {
  constexpr int kWarps = kGroupTokensThreads / 32;
  __shared__ int row;
  __shared__ int counts[kWarps];
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int expert = static_cast<int>(blockIdx.x);
  const int slots = args.tokens * args.top_k;
  if (threadIdx.x == 0) row = 0;
  dependents_may_launch();
  wait_for_prerequisites();
  __syncthreads();

  // Rows of earlier experts come before.
  int before = 0;
  for (int slot = static_cast<int>(threadIdx.x); slot < slots; slot += kGroupTokensThreads) {
    before += expert_of_slot(args, slot) < expert;
  }
  atomicAdd(&row, before);
  __syncthreads();

  for (int base = 0; base < slots; base += kGroupTokensThreads) {
    const int slot = base + static_cast<int>(threadIdx.x);
    const bool belongs = slot < slots && expert_of_slot(args, slot) == expert;
    const uint32_t members = __ballot_sync(0xffffffffu, belongs);
    if (lane == 0) counts[warp] = __popc(members);
    __syncthreads();
    int at = row + __popc(members & ((1u << lane) - 1));
    int total = 0;
    for (int w = 0; w < kWarps; ++w) {
      if (w < warp) at += counts[w];
      total += counts[w];
    }
    if (belongs) {
      args.token[at] = slot / args.top_k;
      args.position[slot] = expert < args.experts ? at : -1;
    }
    __syncthreads();
    if (threadIdx.x == 0) row += total;
    __syncthreads();
  }
  if (threadIdx.x == 0 && expert < args.experts) args.ends[expert] = row;
}

template <class C>
Status launch_group_tokens(const GroupTokensArgs& args, cudaStream_t stream) {
  const dim3 blocks(static_cast<unsigned>(args.experts) + 1);
  return launch(&group_tokens_kernel<C>, args, blocks, kGroupTokensThreads, 0, stream);
}

inline constexpr int kSumSlotsThreads = 256;

// A thread sums eight columns of one token, slot by slot in a fixed order.
template <class C>
__global__ void __launch_bounds__(kSumSlotsThreads) sum_slots_kernel(const __grid_constant__ SumSlotsArgs args) {
  using Element = typename C::Element;
  dependents_may_launch();
  wait_for_prerequisites();
  const int vector = static_cast<int>(blockIdx.y * kSumSlotsThreads + threadIdx.x);
  const int vectors = args.hidden / 8;
  if (vector >= vectors) return;
  const auto token = static_cast<int64_t>(blockIdx.x);
  float sum[8] = {};
  for (int k = 0; k < args.top_k; ++k) {
    const int row = args.position[token * args.top_k + k];
    if (row < 0) continue;
    const float weight = args.topk_weights[token * args.top_k + k];
    float values[8];
    unpack8<Element>(values, static_cast<const uint4*>(args.rows)[static_cast<int64_t>(row) * vectors + vector]);
#pragma unroll
    for (int c = 0; c < 8; ++c) sum[c] += values[c] * weight;
  }
  alignas(16) Element out[8];
#pragma unroll
  for (int c = 0; c < 8; ++c) out[c] = from_float<Element>(sum[c]);
  static_cast<uint4*>(args.out)[token * vectors + vector] = *reinterpret_cast<const uint4*>(out);
}

template <class C>
Status launch_sum_slots(const SumSlotsArgs& args, cudaStream_t stream) {
  const dim3 blocks(static_cast<unsigned>(args.tokens),
                    static_cast<unsigned>((args.hidden / 8 + kSumSlotsThreads - 1) / kSumSlotsThreads));
  return launch(&sum_slots_kernel<C>, args, blocks, kSumSlotsThreads, 0, stream);
}

}  // namespace turbosparse
