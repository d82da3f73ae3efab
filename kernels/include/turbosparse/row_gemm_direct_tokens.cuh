// How row_gemm without producers has its tokens in shared memory: those of 32 columns lie together, in the order in
// which the lanes read them. Lane 4 * g + t multiplies, of token g, what ldmatrix gives it of a row: of 16-bit rows two
// columns of each 8, of int8 rows four of each 16.
#pragma once

#include <cuda_fp16.h>

#include "turbosparse/row_gemm_direct_ring.cuh"
#include "turbosparse/row_gemm_int8.cuh"

namespace turbosparse {

// Tokens [tokens, depth], by all threads.
template <class C>
__device__ void store_tokens(unsigned char* out, int stride, const typename C::Element* tokens,
                             const RowGemmArgs& args) {
  const int vectors = args.depth / 8;
#pragma unroll 4  // the loads of all rounds are on their way together
  for (int i = threadIdx.x; i < args.tokens * vectors; i += DirectShape<C>::kThreads) {
    const uint4 x = __ldcg(reinterpret_cast<const uint4*>(tokens) + i);
    const int token = i / vectors;
    const int vector = i - token * vectors;
    auto* pair = reinterpret_cast<uint32_t*>(out + token * stride + vector / 4 * 64 + vector % 4 * 4);
    pair[0] = x.x;
    pair[4] = x.y;
    pair[8] = x.z;
    pair[12] = x.w;
  }
}

// int8 weights are multiplied as the fp16 numbers 1152 + weight: two take one instruction to make, since 128 + weight
// is the lower byte of 1024 + 128 + weight. Their products are too large by 1152 times the sum of the hidden layer.
inline constexpr float kWeightOffset = 1152.0f;

template <int kFirst>
__device__ __forceinline__ uint32_t offset_weights(uint32_t plus_128) {
  return __byte_perm(plus_128, 0x64646464u, kFirst == 0 ? 0x4140 : 0x4342);
}

// The A side of mma of 16 rows, of whose upper and lower eight a lane holds four columns each.
__device__ __forceinline__ void offset_tile(uint32_t (&a)[4], uint32_t upper, uint32_t lower) {
  upper ^= 0x80808080u;
  lower ^= 0x80808080u;
  a[0] = offset_weights<0>(upper);
  a[1] = offset_weights<0>(lower);
  a[2] = offset_weights<2>(upper);
  a[3] = offset_weights<2>(lower);
}

// Hidden layers [tokens, depth] as fp16, a warp each, and what makes logits of their products: subtract the offset, and
// the error is at most the margin, both times a row's scale. A value beyond the range of fp16 makes the margin NaN, so
// that the token's logits are all evaluated exactly.
template <class C>
__device__ void store_hidden_layer(unsigned char* out, int stride, const typename C::Element* hidden,
                                   const RowGemmArgs& args, DirectScratch<C>& scratch) {
  const int lane = threadIdx.x % 32;
  for (int token = threadIdx.x / 32; token < args.tokens; token += C::kWarps) {
    float sum = 0.0f;
    float squares = 0.0f;
#pragma unroll 5  // the loads of all rounds are on their way together
    for (int vector = lane; vector < args.depth / 8; vector += 32) {
      float values[8];
      unpack8<typename C::Element>(
          values, __ldcg(reinterpret_cast<const uint4*>(hidden + static_cast<int64_t>(token) * args.depth) + vector));
      uint32_t packed[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const __half2 pair = __floats2half2_rn(values[2 * i], values[2 * i + 1]);
        packed[i] = *reinterpret_cast<const uint32_t*>(&pair);
        const float2 rounded = __half22float2(pair);
        sum += rounded.x + rounded.y;
        squares = fmaf(values[2 * i], values[2 * i], fmaf(values[2 * i + 1], values[2 * i + 1], squares));
      }
      auto* half =
          reinterpret_cast<uint2*>(out + token * stride + vector / 4 * 64 + vector % 2 * 32 + vector % 4 / 2 * 8);
      half[0] = make_uint2(packed[0], packed[1]);
      half[2] = make_uint2(packed[2], packed[3]);
    }
#pragma unroll
    for (int o = 16; o > 0; o /= 2) {
      sum += __shfl_xor_sync(0xffffffffu, sum, o);
      squares += __shfl_xor_sync(0xffffffffu, squares, o);
    }
    if (lane == 0) {
      scratch.offsets[token] = kWeightOffset * sum;
      // What fp16 rounds off is at most 2^-25 of a value that a weight up to 128 multiplies. Sums of depth / 64
      // products of mma in each of four chains, of numbers up to 1279, are off by less than 2^-18 of them all together.
      constexpr float kRounding = 1.0f / (1 << 18);
      scratch.margins[token] = recheck_norm(squares) +
                               kRounding * (static_cast<float>(args.depth) + (kWeightOffset + 127.0f) * sum) +
                               (sum - sum);
    }
  }
}

}  // namespace turbosparse
