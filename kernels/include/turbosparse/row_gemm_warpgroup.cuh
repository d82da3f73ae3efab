// What a computing warpgroup of row_gemm does: products of its tiles of 64 rows with all tokens.
#pragma once

#include "turbosparse/row_gemm_int8.cuh"
#include "turbosparse/row_gemm_sums.cuh"
#include "turbosparse/wgmma.cuh"

namespace turbosparse {

// A warp's part of its warpgroup's tiles of a pass: 16 rows of each.
template <class C>
struct RowGemmWarpgroup : RowGemmSums<C> {
  using Shape = RowGemmShape<C>;
  using Element = typename C::Element;
  using Sums = RowGemmSums<C>;
  using Sums::group, Sums::groups, Sums::sums, Sums::tokens, Sums::warp;
  static constexpr int kWarpgroups = C::kWarps / 4;
  int first_tile;  // of this warpgroup, of 64 rows
  int count;       // of its tiles

  __device__ void begin(int tiles, int pass_tokens) {
    tokens = pass_tokens;
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
    with_token_tiles<Shape::kTokenTiles, Shape::kRouted ? 2 : Shape::kTokenTiles>(tokens, [&](auto token_tiles) {
      if (count == C::kTiles) {
        multiply_part<C::kTiles, token_tiles>(ring, slot, begin, end);
      } else if (count == 1) {
        multiply_part<1, token_tiles>(ring, slot, begin, end);
      }
    });
  }

 private:
  // Half a panel: groups may share one. Widened rows are in registers until their products are there.
  static constexpr int kBatchColumns = Shape::kInt8 ? 64 : 32;
  static constexpr int kBatches = kPanelBytes / (2 * kBatchColumns);  // in a panel

  template <int kCount, int kTokenTiles>
  __device__ void multiply_part(const RowRing<C>& ring, int slot, int begin, int end) {
    if constexpr (Shape::kInt8) {
      multiply_widened<kCount, kTokenTiles>(ring, slot, begin, end);
      return;
    }
    const uint32_t row_panel_bytes = ring.row_panel_bytes();
    const uint64_t rows = panel_descriptor<kPanelBytes>(ring.rows(slot) + first_tile * kWarpgroupRows * kPanelBytes);
    const uint64_t token_panels = panel_descriptor<kPanelBytes>(ring.tokens(slot));
#pragma unroll 1
    for (int batch = begin; batch < end; ++batch) {
      const int panel = batch / kBatches;
      const uint32_t within = batch % kBatches * kBatchColumns * 2;
      const uint64_t batch_rows = advance_descriptor(rows, panel * row_panel_bytes + within);
      const uint64_t batch_tokens = advance_descriptor(token_panels, panel * ring.token_panel_bytes() + within);
      wgmma_begin<kTokenTiles>(sums);
#pragma unroll
      for (int s = 0; s < kBatchColumns / 16; ++s) {
#pragma unroll
        for (int m = 0; m < kCount; ++m) {
          warpgroup_multiply_accumulate<Element, false, kTokenTiles>(
              sums[m], advance_descriptor(batch_rows, m * kWarpgroupRows * kPanelBytes + s * 32),
              advance_descriptor(batch_tokens, s * 32));
        }
      }
      wgmma_commit();
    }
    wgmma_wait<kTokenTiles>(sums);
  }

  template <int kCount, int kTokenTiles>
  __device__ void multiply_widened(const RowRing<C>& ring, int slot, int begin, int end) {
    constexpr int kSteps = kBatchColumns / 16;
    const uint64_t tokens_of_slot = panel_descriptor<kPanelBytes>(ring.tokens(slot));
    uint32_t rows[kCount][2];  // the lane's
#pragma unroll
    for (int m = 0; m < kCount; ++m) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const int row = min(tile(m) * 16 + product_row(h), ring.row_count - 1);
        rows[m][h] = ring.rows(slot) + row * ring.row_stride + threadIdx.x % 4 * 2 + begin * kBatchColumns;
      }
    }
#pragma unroll 1
    for (int batch = begin; batch < end; ++batch) {
      uint32_t a[kSteps][kCount][4];
#pragma unroll
      for (int s = 0; s < kSteps; ++s) {
#pragma unroll
        for (int m = 0; m < kCount; ++m) {
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            a[s][m][i] = widen2<Element, 0>(load_shared_2(rows[m][i % 2] + s * 16 + i / 2 * 8));
          }
        }
      }
#pragma unroll
      for (int m = 0; m < kCount; ++m) {
        rows[m][0] += kBatchColumns;
        rows[m][1] += kBatchColumns;
      }
      const uint64_t batch_tokens = advance_descriptor(tokens_of_slot, batch * ring.token_panel_bytes());
      wgmma_begin<kTokenTiles>(sums);
#pragma unroll
      for (int s = 0; s < kSteps; ++s) {
#pragma unroll
        for (int m = 0; m < kCount; ++m) {
          warpgroup_multiply_accumulate<Element, kTokenTiles * 8>(sums[m], a[s][m],
                                                                  advance_descriptor(batch_tokens, s * 32));
        }
      }
      wgmma_commit();
      wgmma_wait<kTokenTiles>(sums);
    }
  }
};

}  // namespace turbosparse
