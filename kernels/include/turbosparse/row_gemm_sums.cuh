// The sums of a computing warp of row_gemm, and how they are added up where warps share the row length.
#pragma once

#include "turbosparse/row_gemm_outputs.cuh"
#include "turbosparse/row_gemm_ring.cuh"

namespace turbosparse {

// Calls with the tiles of 8 that hold `tokens`: kMost, or half as many again and again, but no fewer than kFewest.
template <int kMost, int kFewest, class Call>
__device__ __forceinline__ void with_token_tiles(int tokens, Call call) {
  if constexpr (kMost / 2 >= kFewest) {
    if (tokens <= kMost / 2 * 8) {
      with_token_tiles<kMost / 2, kFewest>(tokens, call);
      return;
    }
  }
  call(std::integral_constant<int, kMost>{});
}

template <class C>
struct RowGemmSums {
  using Shape = RowGemmShape<C>;
  TileProducts<C> sums[C::kTiles];
  const int warp = warp_uniform(threadIdx.x / 32);
  const int lane = threadIdx.x % 32;
  int tokens;  // of the pass
  int groups;  // of warps that share the row length
  int group;   // this warp's

  __device__ void clear() {
#pragma unroll
    for (int m = 0; m < C::kTiles; ++m) {
#pragma unroll
      for (int n = 0; n < Shape::kTokenTiles; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) sums[m][n][i] = 0.0f;
      }
    }
  }

  // Adds the groups' sums in order into the first group's registers. `scratch` is of all computing warps.
  __device__ void reduce(float* scratch) {
    if (groups == 1) return;
    constexpr int kPerWarp = Shape::kTokenTiles * 4 * 32;
    if (group > 0) {
#pragma unroll
      for (int n = 0; n < Shape::kTokenTiles; ++n) {
        if (Shape::kRouted && n * 8 >= tokens) break;
#pragma unroll
        for (int i = 0; i < 4; ++i) scratch[warp * kPerWarp + (n * 4 + i) * 32 + lane] = sums[0][n][i];
      }
    }
    named_barrier(1, Shape::kComputeThreads);
    for (int g = 1; g < groups && group == 0; ++g) {
      const float* other = scratch + (g * (C::kWarps / groups) + warp) * kPerWarp;
#pragma unroll
      for (int n = 0; n < Shape::kTokenTiles; ++n) {
        if (Shape::kRouted && n * 8 >= tokens) break;
#pragma unroll
        for (int i = 0; i < 4; ++i) sums[0][n][i] += other[(n * 4 + i) * 32 + lane];
      }
    }
    named_barrier(1, Shape::kComputeThreads);
  }
};

}  // namespace turbosparse
