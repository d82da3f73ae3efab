// What a computing warpgroup of row_gemm does: products of its tiles of 64 rows with all tokens.
#pragma once

#include "turbosparse/row_gemm_sums.cuh"
#include "turbosparse/wgmma.cuh"

namespace turbosparse {

// A warp's part of its warpgroup's tiles of a pass: 16 rows of each.
template <class C>
struct RowGemmWarpgroup : RowGemmSums<C> {
  using Shape = RowGemmShape<C>;
  using Element = typename C::Element;
  using Sums = RowGemmSums<C>;
  using Sums::group, Sums::groups, Sums::sums, Sums::warp;
  static constexpr int kWarpgroups = C::kWarps / 4;
  int first_tile;  // of this warpgroup, of 64 rows
  int count;       // of its tiles

  __device__ void begin(int tiles, int /*tokens*/) {
    const int large_tiles = (tiles + 3) / 4;
    const int mine = warp / 4;
    groups = large_tiles == 1 ? kWarpgroups : 1;
    group = mine % groups;
    first_tile = groups > 1 ? 0 : mine * large_tiles / kWarpgroups;
    count = groups > 1 ? 1 : (mine + 1) * large_tiles / kWarpgroups - first_tile;
    Sums::clear();
  }
  // Of 16 rows.
  __device__ int tile(int m) const { return (first_tile + m) * 4 + warp % 4; }

  // Adds the products of a slot of `length` columns, of which the groups take contiguous parts.
  __device__ void multiply(const RowRing<C>& ring, int slot, int length) {
    const int batches = length / kBatchColumns;
    const int begin = batches * group / groups;
    const int end = batches * (group + 1) / groups;
    wgmma_operands_ready();
    if (count == C::kTiles) {
      multiply_part<C::kTiles>(ring, slot, begin, end);
    } else if (count == 1) {
      multiply_part<1>(ring, slot, begin, end);
    }
  }

 private:
  static constexpr int kBatchColumns = 32;                            // half a panel: groups may share one
  static constexpr int kBatches = kPanelBytes / (2 * kBatchColumns);  // in a panel

  template <int kCount>
  __device__ void multiply_part(const RowRing<C>& ring, int slot, int begin, int end) {
    const uint32_t row_panel_bytes = ring.row_panel_bytes();
    const uint32_t rows = ring.rows(slot) + first_tile * kWarpgroupRows * kPanelBytes;
    const uint32_t tokens = ring.tokens(slot);
#pragma unroll 1
    for (int batch = begin; batch < end; ++batch) {
      const int panel = batch / kBatches;
      wgmma_begin(sums);
#pragma unroll
      for (int s = 0; s < kBatchColumns / 16; ++s) {
        const uint32_t within = batch % kBatches * kBatchColumns * 2 + s * 32;
        const uint64_t b = panel_descriptor<kPanelBytes>(tokens + panel * RowRing<C>::kTokenPanelBytes + within);
#pragma unroll
        for (int m = 0; m < kCount; ++m) {
          const uint32_t a = rows + panel * row_panel_bytes + m * kWarpgroupRows * kPanelBytes + within;
          warpgroup_multiply_accumulate<Element, false>(sums[m], panel_descriptor<kPanelBytes>(a), b);
        }
      }
      wgmma_commit();
    }
    wgmma_wait(sums);
  }
};

}  // namespace turbosparse
