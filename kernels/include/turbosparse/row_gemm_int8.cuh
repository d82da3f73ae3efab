// fc2 in two int8 planes: a weight is scale * (high + low / 256), with a scale a row. The high plane decides all logits
// but those so near the threshold that its rounding could matter; these are evaluated again with both.
#pragma once

#include <climits>

#include "turbosparse/row_gemm_outputs.cuh"
#include "turbosparse/row_gemm_ring.cuh"

namespace turbosparse {

// (a & mask) | bits, which the compiler makes two instructions of where `mask` and `bits` both are constants.
__device__ __forceinline__ uint32_t and_or(uint32_t a, uint32_t mask, uint32_t bits) {
  uint32_t result;
  asm("lop3.b32 %0, %1, %2, %3, 0xEA;" : "=r"(result) : "r"(a), "r"(mask), "r"(bits));
  return result;
}

// Two int8, bytes kFirst and kFirst + 1 of `packed`, as Element: exact, in four instructions. With the unit in the last
// place of the magic number 1, the lower seven bits add 0 to 127 to it and the sign bit adds 128 to what is subtracted.
template <class Element, int kFirst>
__device__ __forceinline__ uint32_t widen2(uint32_t packed) {
  constexpr bool kBf16 = std::is_same_v<Element, __nv_bfloat16>;
  constexpr uint32_t kMagic = kBf16 ? 0x43004300u : 0x64006400u;
  const uint32_t spread = __byte_perm(packed, 0, kFirst == 0 ? 0x4140 : 0x4342);
  const uint32_t low = and_or(spread, 0x007f007fu, kMagic);
  const uint32_t sign = and_or(spread, 0x00800080u, kMagic);
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
inline constexpr float kRecheckDeviations = 5.0f;

// Of a token's hidden layer whose squares sum up to `squares`: what an error's deviation is but for the scale, times
// the deviations that count.
__device__ __forceinline__ float recheck_norm(float squares) { return kRecheckDeviations * sqrtf(squares / 12.0f); }

// The norms of the hidden layers of a pass's tokens, from the slots that they are multiplied out of: computing threads
// that follow each other have a token together.
template <class C>
class TokenNorms {
 public:
  using Shape = RowGemmShape<C>;

  // Adds the squares of a slot of `length` columns, of the first `tokens` tokens.
  __device__ void add(const RowRing<C>& ring, int slot, int length, int tokens) {
    const int token = static_cast<int>(threadIdx.x) / kSharing;
    if (token >= tokens) return;
    const uint32_t start = ring.tokens(slot);
    for (int v = static_cast<int>(threadIdx.x) % kSharing; v < length / 8; v += kSharing) {
      float values[8];
      unpack8<typename C::Element>(
          values, load_shared_16(start + ring_offset<Shape::kWarpgroups>(token, v * 16, ring.token_stride,
                                                                         ring.token_panel_bytes())));
#pragma unroll
      for (int i = 0; i < 8; ++i) squares_ = fmaf(values[i], values[i], squares_);
    }
  }

  // recheck_norm of each token, for all computing warps, which come together before and after.
  __device__ void publish(float* norms) {
#pragma unroll
    for (int o = kSharing / 2; o > 0; o /= 2) squares_ += __shfl_xor_sync(0xffffffffu, squares_, o);
    named_barrier(1, Shape::kComputeThreads);
    if (threadIdx.x % kSharing == 0) norms[threadIdx.x / kSharing] = recheck_norm(squares_);
    named_barrier(1, Shape::kComputeThreads);
    squares_ = 0.0f;
  }

 private:
  static constexpr int kSharing = Shape::kComputeThreads / C::kTokens;
  static_assert(kSharing >= 1 && kSharing <= 32, "threads of one warp");
  float squares_ = 0.0f;
};

// The scales of the calling lane's two rows of a tile.
template <class Share>
__device__ void load_scales(float (&scales)[2], const RowGemmArgs& args, const Share& share, const RowPass& pass,
                            int tile) {
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const int i = tile * 16 + product_row(h);
    scales[h] = i < pass.count ? __ldg(args.scales + share.row(pass, i)) : 0.0f;
  }
}

// Lanes that evaluate a logit together, so that a warp does two at once: what takes the time is that the low plane's
// rows come from memory.
inline constexpr int kRecheckLanes = 16;

// The dot product of a row, of both planes, with a token's hidden layer: the calling lane's part.
template <class C>
__device__ float exact_dot(const int8_t* high, const int8_t* low, const typename C::Element* hidden, int depth) {
  constexpr int kRounds = (C::kDepth / 16 + kRecheckLanes - 1) / kRecheckLanes;
  // Rounds whose loads are on their way together, for which the loop has no branches: as registers are left.
  constexpr int kTogether = C::kTokens == 8 ? 8 : 1;
  float sum = 0.0f;
#pragma unroll kTogether
  for (int round = 0; round < kRounds; ++round) {
    const int v = round * kRecheckLanes + static_cast<int>(threadIdx.x) % kRecheckLanes;
    const bool exists = v < depth / 16;
    const int at = exists ? v : 0;
    const int4 highs = __ldg(reinterpret_cast<const int4*>(high) + at);
    const int4 lows = __ldg(reinterpret_cast<const int4*>(low) + at);
    const int high_words[4] = {highs.x, highs.y, highs.z, highs.w};
    const int low_words[4] = {lows.x, lows.y, lows.z, lows.w};
    float part = 0.0f;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float values[8];
      unpack8<typename C::Element>(values, __ldcg(reinterpret_cast<const uint4*>(hidden) + 2 * at + half));
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        const auto byte = [&](const int (&words)[4]) {
          return static_cast<int>(static_cast<int8_t>(words[half * 2 + i / 4] >> (8 * (i % 4))));
        };
        // In steps of 1/256: exact.
        part = fmaf(static_cast<float>(byte(high_words) * 256 + byte(low_words)), values[i], part);
      }
    }
    sum += exists ? part : 0.0f;
  }
  return sum * (1.0f / 256.0f);
}

// Evaluates those logits of a tile of rows and one of tokens exactly that are so near the threshold that the error of
// the high plane's could matter, of the `tokens` that may select a row, one bit each. A lane's logits h * 2 + j are of
// row product_row(h) and the pass's token product_token(n, j). Their errors are at most scale * margin(j), which may be
// NaN as they may.
template <class C, class Share, class Margin>
__device__ void recheck_logits(const RowGemmArgs& args, const Share& share, const RowPass& pass, int tile, int n,
                               uint64_t tokens, const float (&scales)[2], const Margin& margin, float (&logits)[4]) {
  const int lane = threadIdx.x % 32;
  // Those to evaluate are numbered: the first of all lanes, then the second and so on.
  uint32_t lanes[4];
  int before[4], rank[4];
  int count = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    // Also where rounding to the dtype, which follows, could carry the logit over the threshold.
    const float distance = scales[i / 2] * margin(i % 2) + fabsf(args.threshold) * (1.0f / 256.0f);
    const bool near = tile * 16 + product_row(i / 2) < pass.count && share.exists(pass, product_token(n, i % 2)) &&
                      (tokens >> share.token(pass, product_token(n, i % 2)) & 1) != 0 &&
                      !(fabsf(logits[i] - args.threshold) > distance);
    lanes[i] = __ballot_sync(0xffffffffu, near);
    before[i] = count;
    rank[i] = near ? count + __popc(lanes[i] & ((1u << lane) - 1)) : INT_MAX;
    count += __popc(lanes[i]);
  }
  constexpr int kTogether = 32 / kRecheckLanes;
  for (int first = 0; first < count; first += kTogether) {
    const int mine = first + lane / kRecheckLanes;
    float sum = 0.0f;
    if (mine < count) {
      int i = 0;
      int skip = mine;
      uint32_t left = lanes[0];
#pragma unroll
      for (int k = 1; k < 4; ++k) {
        if (mine < before[k]) continue;
        i = k;
        skip = mine - before[k];
        left = lanes[k];
      }
      for (; skip > 0; --skip) left &= left - 1;
      const int source = __ffs(left) - 1;
      const int64_t row = share.row(pass, tile * 16 + i / 2 * 8 + source / 4);
      const int64_t token = share.token(pass, n * 8 + source % 4 * 2 + i % 2);
      sum = exact_dot<C>(static_cast<const int8_t*>(args.rows) + row * args.depth, args.low_rows + row * args.depth,
                         share.tokens(pass) + token * args.depth, args.depth);
    }
#pragma unroll
    for (int o = kRecheckLanes / 2; o > 0; o /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, o);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int round = rank[i] - first;
      const float exact = __shfl_sync(0xffffffffu, sum, round * kRecheckLanes % 32);
      if (round >= 0 && round < kTogether) logits[i] = scales[i / 2] * exact;
    }
  }
}

// Turns a tile's products with the high plane into logits. `scales` are the calling lane's rows', `norms` are
// recheck_norm of the pass's tokens.
template <class C, class Share>
__device__ void finish_logits(const RowGemmArgs& args, const Share& share, const RowPass& pass, int tile,
                              uint64_t tokens, const float (&scales)[2], const float* norms, TileProducts<C>& d) {
#pragma unroll
  for (int n = 0; n < C::kTokens / 8; ++n) {
    if (!share.exists(pass, n * 8)) break;
#pragma unroll
    for (int i = 0; i < 4; ++i) d[n][i] *= scales[i / 2];
    recheck_logits<C>(
        args, share, pass, tile, n, tokens, scales, [&](int j) { return norms[product_token(n, j)]; }, d[n]);
  }
}

}  // namespace turbosparse
