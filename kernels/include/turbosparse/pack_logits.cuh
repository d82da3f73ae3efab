// The dense path's selection: a predictor's logits to the active set, in one pass.
#pragma once

#include "turbosparse/args.h"
#include "turbosparse/device.cuh"
#include "turbosparse/launch.cuh"

namespace turbosparse {

inline constexpr int kPackLogitsWarps = 8;
// A block makes 64-bit words of tokens: each warp one byte of all of them.
inline constexpr int kPackLogitsRows = 64 / kPackLogitsWarps;

// The expert of a sorted row; the last one for rows of no expert, whose logits are not looked at.
__device__ __forceinline__ int expert_of_row(const int32_t* ends, int experts, int row) {
  int expert = 0;
  while (expert < experts - 1 && __ldg(ends + expert) <= row) ++expert;
  return expert;
}

// A lane owns kColumns columns, 8 where rows of logits are whole 16-byte vectors, else 1.
template <class C, class Logit, int kColumns>
__global__ void __launch_bounds__(32 * kPackLogitsWarps)
    pack_logits_kernel(const __grid_constant__ PackLogitsArgs args) {
  using Element = typename C::Element;
  constexpr int kBytes = kColumns * static_cast<int>(sizeof(Logit));
  struct alignas(kBytes < 16 ? kBytes : 16) Vector {
    Logit values[kColumns];
  };
  struct alignas(kColumns) Bytes {
    uint8_t values[kColumns];
  };
  constexpr int kNeurons = 32 * kColumns;
  __shared__ Bytes bytes[kPackLogitsWarps][32];
  __shared__ int experts[64];
  dependents_may_launch();
  wait_for_prerequisites();
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int column = (static_cast<int>(blockIdx.x) * 32 + lane) * kColumns;
  const int first = static_cast<int>(blockIdx.y) * 64 + warp * kPackLogitsRows;
  const bool exists = column < args.columns;

  Vector logits[kPackLogitsRows];
#pragma unroll
  for (int r = 0; r < kPackLogitsRows; ++r) {
    if (exists && first + r < args.rows) {
      const int64_t at = static_cast<int64_t>(first + r) * args.columns + column;
      logits[r] = *reinterpret_cast<const Vector*>(static_cast<const Logit*>(args.logits) + at);
    }
  }
  if (args.ends != nullptr) {
    if (threadIdx.x < 64) {
      experts[threadIdx.x] = expert_of_row(args.ends, args.experts, static_cast<int>(blockIdx.y * 64 + threadIdx.x));
    }
    __syncthreads();
  }
  Bytes kept{};
#pragma unroll
  for (int r = 0; r < kPackLogitsRows; ++r) {
    const int row = first + r;
    if (!exists || row >= args.rows || (args.dropped != nullptr && args.dropped[row] != 0)) continue;
    const int64_t scales = args.ends == nullptr ? 0 : experts[warp * kPackLogitsRows + r] * args.scale_stride;
#pragma unroll
    for (int c = 0; c < kColumns; ++c) {
      float logit;
      if constexpr (std::is_same_v<Logit, float>) {
        logit = logits[r].values[c];
      } else {
        logit = to_float(logits[r].values[c]);
      }
      if (args.scales != nullptr) {
        logit = to_float(from_float<Element>(logit * __ldg(args.scales + scales + column + c)));
      }
      // Not the opposite comparison: a NaN keeps its neuron.
      kept.values[c] |= static_cast<uint8_t>(!(logit <= args.threshold) << r);
    }
  }
  bytes[warp][lane] = kept;
  __syncthreads();

  // Now a thread owns a neuron.
  if (threadIdx.x >= kNeurons) return;
  const int neuron = static_cast<int>(blockIdx.x) * kNeurons + static_cast<int>(threadIdx.x);
  uint64_t tokens = 0;
#pragma unroll
  for (int w = 0; w < kPackLogitsWarps; ++w) {
    tokens |= static_cast<uint64_t>(reinterpret_cast<const uint8_t*>(bytes[w])[threadIdx.x]) << (8 * w);
  }
  if (neuron < args.columns) args.token_bits[blockIdx.y * args.word_stride + neuron] = tokens;
  const uint32_t active = __ballot_sync(0xffffffffu, tokens != 0);
  // Of several words of tokens, and in any order: bits are only ever added.
  if (args.union_bits != nullptr && lane == 0 && active != 0) {
    atomicOr(reinterpret_cast<uint32_t*>(args.union_bits) + neuron / 32, active);
  }
}

template <class C>
Status launch_pack_logits(const PackLogitsArgs& args, cudaStream_t stream) {
  const bool vectors = args.columns % 8 == 0;
  const int neurons = vectors ? 256 : 32;
  const dim3 blocks(static_cast<unsigned>((args.columns + neurons - 1) / neurons),
                    static_cast<unsigned>((args.rows + 63) / 64));
  using Element = typename C::Element;
  const auto kernel = args.wide ? (vectors ? &pack_logits_kernel<C, float, 8> : &pack_logits_kernel<C, float, 1>)
                                : (vectors ? &pack_logits_kernel<C, Element, 8> : &pack_logits_kernel<C, Element, 1>);
  return launch(kernel, args, blocks, 32 * kPackLogitsWarps, 0, stream);
}

}  // namespace turbosparse
