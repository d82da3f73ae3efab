// What a computing warp of row_gemm does: products of its tiles of rows with all tokens.
#pragma once

#include "turbosparse/row_gemm_int8.cuh"
#include "turbosparse/row_gemm_sums.cuh"

namespace turbosparse {

// A computing warp's tiles of a pass.
template <class C>
struct RowGemmWarp : RowGemmSums<C> {
  using Shape = RowGemmShape<C>;
  using Element = typename C::Element;
  using Sums = RowGemmSums<C>;
  using Sums::group, Sums::groups, Sums::lane, Sums::sums, Sums::tokens, Sums::warp;
  int first_tile;  // of this warp
  int count;       // of its tiles

  __device__ void begin(int tiles, int pass_tokens) {
    tokens = pass_tokens;
    groups = 1;
    while (groups * 2 * tiles <= C::kWarps) groups *= 2;
    const int width = C::kWarps / groups;
    group = warp / width;
    first_tile = warp % width * tiles / width;
    count = (warp % width + 1) * tiles / width - first_tile;
    Sums::clear();
  }
  __device__ int tile(int m) const { return first_tile + m; }

  // Adds the products of a slot of `length` columns, of which the groups take contiguous parts.
  __device__ void multiply(const RowRing<C>& ring, int slot, int length) {
    const int loads = length / kLoadColumns;
    const int begin = loads * group / groups;
    const int end = loads * (group + 1) / groups;
    with_token_tiles<Shape::kTokenTiles, Shape::kRouted ? 1 : Shape::kTokenTiles>(tokens, [&](auto token_tiles) {
      if (count == C::kTiles) {
        multiply_part<C::kTiles, token_tiles>(ring, slot, begin, end);
      } else if (count == 1) {
        multiply_part<1, token_tiles>(ring, slot, begin, end);
      }
    });
  }

 private:
  static constexpr int kLoadColumns = Shape::kInt8 ? 32 : 16;  // that one ldmatrix of rows brings
  // Loads whose operands are multiplied together, so that their latencies overlap: of 16 to 64 columns.
  __host__ __device__ static constexpr int batch_loads(int token_tiles) {
    const int steps = Shape::kInt8 ? (token_tiles == 1 ? 4 : 2) : token_tiles <= 2 ? 4 : token_tiles == 4 ? 2 : 1;
    return steps * 16 / kLoadColumns;
  }
  // Of the tokens' 16 or 32 columns.
  __host__ __device__ static constexpr int token_loads(int token_tiles) {
    return Shape::kInt8 || token_tiles == 1 ? token_tiles : token_tiles / 2;
  }

  template <int kCount, int kTokenTiles>
  __device__ void multiply_part(const RowRing<C>& ring, int slot, int begin, int end) {
    constexpr int kLoads = batch_loads(kTokenTiles);
    constexpr int kTokenLoads = token_loads(kTokenTiles);
    uint32_t rows[kCount];
#pragma unroll
    for (int m = 0; m < kCount; ++m) {
      rows[m] = ring.rows(slot) + ((first_tile + m) * 16 + lane % 16) * ring.row_stride + lane / 16 * 16 + begin * 32;
    }
    uint32_t x[kTokenLoads];
#pragma unroll
    for (int i = 0; i < kTokenLoads; ++i) {
      x[i] =
          ring.tokens(slot) + token_row<kTokenTiles>(i) * ring.token_stride + token_column() + begin * kLoadColumns * 2;
    }
    int left = end - begin;
    for (; left >= kLoads; left -= kLoads) multiply_batch<kTokenTiles, kLoads>(rows, x);
    for (; left > 0; --left) multiply_batch<kTokenTiles, 1>(rows, x);
  }

  // Advances the addresses.
  template <int kTokenTiles, int kSteps, int kCount, int kTokenLoads>
  __device__ void multiply_batch(uint32_t (&rows)[kCount], uint32_t (&x)[kTokenLoads]) {
    constexpr int kMmas = kSteps * kLoadColumns / 16;
    uint32_t a[kMmas][kCount][4];
    uint32_t b[kMmas][kTokenTiles][2];
#pragma unroll
    for (int s = 0; s < kSteps; ++s) {
      if constexpr (Shape::kInt8) {
#pragma unroll
        for (int n = 0; n < kTokenLoads; ++n) {
          load_shared_8(b[2 * s][n], x[n] + s * 64);
          load_shared_8(b[2 * s + 1][n], x[n] + s * 64 + 32);
        }
#pragma unroll
        for (int m = 0; m < kCount; ++m) {
          uint32_t q[4];
          load_matrix_x4(q, rows[m] + s * 32);
          widen_tile<Element>(a[2 * s][m], q[0], q[1]);
          widen_tile<Element>(a[2 * s + 1][m], q[2], q[3]);
        }
      } else {
        if constexpr (kTokenTiles == 1) {
          load_matrix_x2(b[s][0], x[0] + s * 32);
        } else {
#pragma unroll
          for (int n = 0; n < kTokenLoads; ++n) {
            uint32_t both[4];
            load_matrix_x4(both, x[n] + s * 32);
            b[s][2 * n][0] = both[0];
            b[s][2 * n][1] = both[1];
            b[s][2 * n + 1][0] = both[2];
            b[s][2 * n + 1][1] = both[3];
          }
        }
#pragma unroll
        for (int m = 0; m < kCount; ++m) load_matrix_x4(a[s][m], rows[m] + s * 32);
      }
    }
#pragma unroll
    for (int s = 0; s < kMmas; ++s) {
#pragma unroll
      for (int m = 0; m < kCount; ++m) {
#pragma unroll
        for (int n = 0; n < kTokenTiles; ++n) multiply_accumulate<Element>(sums[m][n], a[s][m], b[s][n]);
      }
    }
#pragma unroll
    for (int m = 0; m < kCount; ++m) rows[m] += kSteps * 32;
#pragma unroll
    for (int n = 0; n < kTokenLoads; ++n) x[n] += kSteps * kLoadColumns * 2;
  }

  // One ldmatrix brings two tiles of tokens, where there are so many. ldmatrix of int8 rows gives a lane four of a row
  // where mma wants two and two that lie eight apart: both sides take the columns in the order in which the lanes hold
  // them, so a lane reads four of a token.
  template <int kTokenTiles>
  __device__ int token_row(int load) const {
    if constexpr (Shape::kInt8) return min(load * 8 + lane / 4, tokens - 1);
    return min(kTokenTiles == 1 ? lane % 8 : load * 16 + lane / 16 * 8 + lane % 8, tokens - 1);
  }
  __device__ int token_column() const { return Shape::kInt8 ? lane % 4 * 8 : lane / 8 % 2 * 16; }
};

}  // namespace turbosparse
