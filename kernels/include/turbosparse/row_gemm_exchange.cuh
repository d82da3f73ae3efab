// How blocks of a cluster that share the row length add up their sums: each sends its tiles to the blocks that add
// them, which do so in the order of the blocks.
#pragma once

#include "turbosparse/bulk_ring.cuh"
#include "turbosparse/cluster.cuh"
#include "turbosparse/row_gemm_outputs.cuh"

namespace turbosparse {

// A warp's view. Tile i of a pass is of warp i, and is added up by that warp of block i.
template <class C>
class RowExchange {
 public:
  using Shape = RowGemmShape<C>;

  // `sums` is [blocks, 16 * kTokens], and `barriers` are those of the block's scratch memory.
  __device__ RowExchange(float* sums, uint64_t* barriers) : sums_(sums), barriers_(barriers) {}
  __device__ static void init(uint64_t* barriers) {
    mbarrier_init(&barriers[kArrived], C::kCluster);
    for (int i = 0; i < C::kCluster; ++i) mbarrier_init(&barriers[kFree + i], 1);
  }

  // Sends the warp's tile. True where it is this block's, whose sum over the blocks `d` is then.
  __device__ bool add(TileProducts<C>& d, int tile, bool last_pass) {
    const int lane = threadIdx.x % 32;
    const int rank = cluster_rank();
    if (passes_ > 0) mbarrier_wait_cluster(&barriers_[kFree + tile], (passes_ - 1) & 1);
    const uint32_t target = cluster_address(shared_address(sums_ + rank * kTileSums), tile);
#pragma unroll
    for (int n = 0; n < Shape::kTokenTiles; ++n) store_cluster(target + (n * 32 + lane) * 16, d[n]);
    __syncwarp();
    if (lane == 0) mbarrier_arrive_cluster(cluster_address(shared_address(&barriers_[kArrived]), tile));
    if (tile == rank) {
      mbarrier_wait_cluster(&barriers_[kArrived], passes_ & 1);
      add_up(d, lane);
      __syncwarp();
      if (!last_pass && lane < C::kCluster) {
        mbarrier_arrive_cluster(cluster_address(shared_address(&barriers_[kFree + tile]), lane));
      }
    }
    ++passes_;
    return tile == rank;
  }

 private:
  static constexpr int kTileSums = 16 * C::kTokens;
  // The tiles of all blocks are there; then one a tile: it may be sent again.
  static constexpr int kArrived = 0;
  static constexpr int kFree = 1;

  __device__ void add_up(TileProducts<C>& d, int lane) const {
#pragma unroll
    for (int n = 0; n < Shape::kTokenTiles; ++n) {
      float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll
      for (int block = 0; block < C::kCluster; ++block) {
        const auto* from = reinterpret_cast<const float4*>(sums_ + block * kTileSums);
        const float4 part = from[n * 32 + lane];
        sum = make_float4(sum.x + part.x, sum.y + part.y, sum.z + part.z, sum.w + part.w);
      }
      d[n][0] = sum.x;
      d[n][1] = sum.y;
      d[n][2] = sum.z;
      d[n][3] = sum.w;
    }
  }

  float* sums_;
  uint64_t* barriers_;
  int passes_ = 0;
};

}  // namespace turbosparse
