// How blocks of a cluster that share the row length add up their sums: each sends its tiles to the blocks that add
// them, which do so in the order of the blocks.
#pragma once

#include "turbosparse/cluster.cuh"
#include "turbosparse/row_gemm_outputs.cuh"

namespace turbosparse {

// `sums` of each block is [blocks, 16 * kTokens]. Tile i is of warp i, and is added up by that warp of block i. A block
// may be written to once all have started, and has all there once all have sent.
template <class C>
struct RowExchange {
  using Shape = RowGemmShape<C>;
  static constexpr int kTileSums = 16 * C::kTokens;

  __device__ static void send(float* sums, const TileProducts<C>& d, int tile) {
    const uint32_t target = cluster_address(shared_address(sums + cluster_rank() * kTileSums), tile);
#pragma unroll
    for (int n = 0; n < Shape::kTokenTiles; ++n) {
      store_cluster(target + (n * 32 + static_cast<int>(threadIdx.x) % 32) * 16, d[n]);
    }
  }

  __device__ static void add_up(const float* sums, TileProducts<C>& d) {
#pragma unroll
    for (int n = 0; n < Shape::kTokenTiles; ++n) {
      float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll
      for (int block = 0; block < C::kCluster; ++block) {
        const auto* from = reinterpret_cast<const float4*>(sums + block * kTileSums);
        const float4 part = from[n * 32 + static_cast<int>(threadIdx.x) % 32];
        sum = make_float4(sum.x + part.x, sum.y + part.y, sum.z + part.z, sum.w + part.w);
      }
      d[n][0] = sum.x;
      d[n][1] = sum.y;
      d[n][2] = sum.z;
      d[n][3] = sum.w;
    }
  }
};

}  // namespace turbosparse
