// fc2 in two int8 planes: a weight is scale * (high + low / 256), with a scale a row. The high plane decides all logits
// but those so near the threshold that its rounding could matter; for these the low plane is read too.
#pragma once

#include "turbosparse/row_gemm_outputs.cuh"

namespace turbosparse {

// Two int8, bytes kFirst and kFirst + 1 of `packed`, as Element: exact, in four instructions. With the unit in the last
// place of the magic number 1, the lower seven bits add 0 to 127 to it and the sign bit adds 128 to what is subtracted.
template <class Element, int kFirst>
__device__ __forceinline__ uint32_t widen2(uint32_t packed) {
  constexpr bool kBf16 = std::is_same_v<Element, __nv_bfloat16>;
  uint32_t magic = kBf16 ? 0x43004300u : 0x64006400u;
  // Out of the compiler's sight, which would make two instructions of a mask and a magic number that are both
  // constants.
  asm("" : "+r"(magic));
  const uint32_t spread = __byte_perm(packed, 0, kFirst == 0 ? 0x4140 : 0x4342);
  const uint32_t low = (spread & 0x007f007fu) | magic;
  const uint32_t sign = (spread & 0x00800080u) | magic;
  using Pair = std::conditional_t<kBf16, __nv_bfloat162, __half2>;
  const Pair value = __hsub2(*reinterpret_cast<const Pair*>(&low), *reinterpret_cast<const Pair*>(&sign));
  return *reinterpret_cast<const uint32_t*>(&value);
}

// The A side of mma of 16 rows, of whose upper and lower eight a lane holds four columns each: both sides take the
// columns in the order in which the lanes hold them.
template <class Element>
__device__ __forceinline__ void widen_tile(uint32_t (&a)[4], uint32_t upper, uint32_t lower) {
  a[0] = widen2<Element, 0>(upper);
  a[1] = widen2<Element, 0>(lower);
  a[2] = widen2<Element, 2>(upper);
  a[3] = widen2<Element, 2>(lower);
}

// Logits nearer the threshold than so many standard deviations of the high plane's rounding error are evaluated
// exactly. An error is a sum of `depth` terms uniform within half a step, so its deviation is scale * |h| / sqrt(12).
inline constexpr float kRecheckDeviations = 6.0f;

// The norms of the tokens' hidden layers [tokens, depth], times the deviations that count, by the computing warps.
template <class C>
__device__ void load_norms(const RowGemmArgs& args, const typename C::Element* hidden, float* norms) {
  const int lane = threadIdx.x % 32;
  for (int t = threadIdx.x / 32; t < args.tokens; t += C::kWarps) {
    float sum = 0.0f;
#pragma unroll 8  // the loads of all rounds are on their way together
    for (int v = lane; v < args.depth / 8; v += 32) {
      float values[8];
      unpack8<typename C::Element>(
          values, __ldcg(reinterpret_cast<const uint4*>(hidden + static_cast<int64_t>(t) * args.depth) + v));
#pragma unroll
      for (int i = 0; i < 8; ++i) sum = fmaf(values[i], values[i], sum);
    }
#pragma unroll
    for (int o = 16; o > 0; o /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, o);
    if (lane == 0) norms[t] = kRecheckDeviations * sqrtf(sum / 12.0f);
  }
}

// The dot product of a row's low plane with a token's hidden layer, summed over the warp.
template <class Element>
__device__ float low_dot(const int8_t* low, const Element* hidden, int depth) {
  float sum = 0.0f;
#pragma unroll 8  // the loads of all rounds are on their way together
  for (int v = threadIdx.x % 32; v < depth / 8; v += 32) {
    float values[8];
    unpack8<Element>(values, __ldcg(reinterpret_cast<const uint4*>(hidden) + v));
    const int2 packed = __ldg(reinterpret_cast<const int2*>(low) + v);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int word = i < 4 ? packed.x : packed.y;
      sum = fmaf(static_cast<float>(static_cast<int8_t>(word >> (8 * (i % 4)))), values[i], sum);
    }
  }
#pragma unroll
  for (int o = 16; o > 0; o /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, o);
  return sum;
}

// Turns a tile's products with the high plane into logits.
template <class C, class Share>
__device__ void finish_logits(const RowGemmArgs& args, const Share& share, const RowPass& pass, int tile,
                              const float* norms, TileProducts<C>& d) {
  using Element = typename C::Element;
  const int lane = threadIdx.x % 32;
  const Element* hidden = share.tokens(pass);
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const int i = tile * 16 + product_row(h);
    const float scale = i < pass.count ? __ldg(args.scales + share.row(pass, i)) : 0.0f;
#pragma unroll
    for (int n = 0; n < C::kTokens / 8; ++n) {
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const int token = product_token(n, j);
        float& value = d[n][h * 2 + j];
        value *= scale;
        // Also where rounding to the dtype, which follows, could carry the logit over the threshold.
        const float margin = scale * norms[token] + fabsf(args.threshold) * (1.0f / 256.0f);
        const bool near = i < pass.count && token < args.tokens && fabsf(value - args.threshold) <= margin;
        // The warp does its lanes' logits one after the other.
        for (uint32_t left = __ballot_sync(0xffffffffu, near); left != 0; left &= left - 1) {
          const int source = __ffs(left) - 1;
          const int row = share.row(pass, tile * 16 + h * 8 + source / 4);
          const float more =
              low_dot(args.low_rows + static_cast<int64_t>(row) * args.depth,
                      hidden + static_cast<int64_t>(n * 8 + source % 4 * 2 + j) * args.depth, args.depth);
          if (lane == source) value = fmaf(scale, more * (1.0f / 256.0f), value);
        }
      }
    }
  }
}

}  // namespace turbosparse
