// Kernels that do not depend on a model's shape: the sum of partial outputs and the packing of a given mask, those of
// the dense path, and the norm between a decoder's branches.
#pragma once

#include "turbosparse/activate.cuh"
#include "turbosparse/active_list.cuh"
#include "turbosparse/add_rms_norm.cuh"
#include "turbosparse/args.h"
#include "turbosparse/launch.cuh"
#include "turbosparse/pack_logits.cuh"
#include "turbosparse/token_groups.cuh"

namespace turbosparse {

inline constexpr int kReduceThreads = 256;

// kGroups threads share a column of four: each sums every kGroups-th partial, then group 0 adds the groups in order.
template <class C, int kGroups>
__global__ void __launch_bounds__(kReduceThreads) reduce_kernel(const __grid_constant__ ReduceArgs args) {
  constexpr int kColumns = kReduceThreads / kGroups;
  __shared__ float4 sums[kGroups][kColumns];
  dependents_may_launch();
  wait_for_prerequisites();
  const int lane = threadIdx.x % kColumns;
  const int group = threadIdx.x / kColumns;
  const int column = blockIdx.x * kColumns + lane;
  const int columns = args.elements / 4;
  float4 sum = make_float4(0, 0, 0, 0);
  if (column < columns) {
    const auto* partials = reinterpret_cast<const float4*>(args.partials) + column;
#pragma unroll 4
    for (int part = group; part < args.parts; part += kGroups) {
      const float4 value = __ldcg(partials + static_cast<int64_t>(part) * columns);
      sum.x += value.x;
      sum.y += value.y;
      sum.z += value.z;
      sum.w += value.w;
    }
  }
  sums[group][lane] = sum;
  __syncthreads();
  if (group != 0 || column >= columns) return;
#pragma unroll
  for (int g = 1; g < kGroups; ++g) {
    sum.x += sums[g][lane].x;
    sum.y += sums[g][lane].y;
    sum.z += sums[g][lane].z;
    sum.w += sums[g][lane].w;
  }
  using Element = typename C::Element;
  Element out[4] = {from_float<Element>(sum.x), from_float<Element>(sum.y), from_float<Element>(sum.z),
                    from_float<Element>(sum.w)};
  static_cast<uint2*>(args.out)[column] = *reinterpret_cast<const uint2*>(out);
}

template <class C, int kGroups>
Status launch_reduce_groups(const ReduceArgs& args, cudaStream_t stream) {
  constexpr int kColumns = kReduceThreads / kGroups;
  const int blocks = (args.elements / 4 + kColumns - 1) / kColumns;
  return launch(&reduce_kernel<C, kGroups>, args, blocks, kReduceThreads, 0, stream);
}

// A partial output a multiprocessor, of ffn_stream, takes many threads a column; the few of union_down, fewer.
template <class C>
Status launch_reduce(const ReduceArgs& args, cudaStream_t stream) {
  return args.parts > 32 ? launch_reduce_groups<C, 16>(args, stream) : launch_reduce_groups<C, 4>(args, stream);
}

inline constexpr int kPackThreads = 256;

// A warp packs the 32 neurons of one word of the bitmap; a lane reads its neuron's column of the mask.
template <class C>
__global__ void __launch_bounds__(kPackThreads) pack_mask_kernel(const __grid_constant__ PackMaskArgs args) {
  dependents_may_launch();
  wait_for_prerequisites();
  const int words = words_per_expert(args.intermediate);
  const int word = blockIdx.x * (kPackThreads / 32) + threadIdx.x / 32;
  if (word >= args.experts * words) return;
  const int expert = word / words;
  const int neuron = (word - expert * words) * 32 + threadIdx.x % 32;
  const bool exists = neuron < args.intermediate;
  const int64_t row = static_cast<int64_t>(expert) * args.intermediate + neuron;
  const int64_t rows = static_cast<int64_t>(args.experts) * args.intermediate;
  uint64_t tokens = 0;
  for (int t = 0; exists && t < args.tokens; ++t) tokens |= static_cast<uint64_t>(args.mask[t * rows + row] != 0) << t;
  const uint32_t bits = __ballot_sync(0xffffffffu, tokens != 0);
  if (exists) args.token_bits[row] = tokens;
  if (threadIdx.x % 32 == 0) reinterpret_cast<uint32_t*>(args.union_bits)[word] = bits;
}

template <class C>
Status launch_pack_mask(const PackMaskArgs& args, cudaStream_t stream) {
  const int words = args.experts * words_per_expert(args.intermediate);
  const int blocks = (words + kPackThreads / 32 - 1) / (kPackThreads / 32);
  return launch(&pack_mask_kernel<C>, args, blocks, kPackThreads, 0, stream);
}

}  // namespace turbosparse
