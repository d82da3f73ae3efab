// row_gemm without producers, for the predictor's two kernels at up to 8 tokens.
//
// So few bytes are read here that it counts how soon the first are sent for and how soon after the last the result is
// there. Every warp copies what it multiplies itself, before anything else: it hands nothing over, so there are neither
// barriers to make nor passes to divide. In fc1, whose blocks have but a few rows, the warps take turns with the chunks
// of these rows and add their sums in a fixed order; in select each warp has 16 rows of its own.
#pragma once

#include "turbosparse/launch.cuh"
#include "turbosparse/row_gemm_direct_tokens.cuh"

namespace turbosparse {

// Products of a warp's tile of rows with all tokens.
template <class C>
struct DirectWarp {
  using Shape = DirectShape<C>;
  using Element = typename C::Element;
  // Independent sums, so that a product need not wait for the one before it.
  static constexpr int kChains = 4;
  // Of 32 columns, which are loaded together.
  static constexpr int kBatch = 4;
  float sums[kChains][4];

  __device__ void clear() {
#pragma unroll
    for (int c = 0; c < kChains; ++c) {
#pragma unroll
      for (int i = 0; i < 4; ++i) sums[c][i] = 0.0f;
    }
  }

  // Adds the products of `columns` columns, a multiple of 64: `rows` is the lane's place for ldmatrix, `tokens` its
  // place in the tokens.
  __device__ void multiply(uint32_t rows, const unsigned char* tokens, int columns) {
    for (; columns >= 32 * kBatch; columns -= 32 * kBatch) multiply_batch<kBatch>(rows, tokens);
    if (columns > 0) multiply_batch<2>(rows, tokens);
  }

  __device__ void join(TileProducts<C>& products) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) products[0][i] = (sums[0][i] + sums[1][i]) + (sums[2][i] + sums[3][i]);
  }

 private:
  // Advances the places.
  template <int kCount>
  __device__ void multiply_batch(uint32_t& rows, const unsigned char*& tokens) {
    constexpr int kLoads = Shape::kInt8 ? kCount : 2 * kCount;
    uint4 x[kCount];
    uint32_t a[kLoads][4];
#pragma unroll
    for (int s = 0; s < kCount; ++s) x[s] = *reinterpret_cast<const uint4*>(tokens + s * 64);
#pragma unroll
    for (int l = 0; l < kLoads; ++l) load_matrix_x4(a[l], rows + l * 32);
    rows += kLoads * 32;
    tokens += kCount * 64;
#pragma unroll
    for (int s = 0; s < kCount; ++s) {
      const uint32_t first[2] = {x[s].x, x[s].y};
      const uint32_t second[2] = {x[s].z, x[s].w};
      if constexpr (Shape::kInt8) {
        uint32_t weights[4];
        offset_tile(weights, a[s][0], a[s][1]);
        multiply_accumulate<__half>(sums[s % 2 * 2], weights, first);
        offset_tile(weights, a[s][2], a[s][3]);
        multiply_accumulate<__half>(sums[s % 2 * 2 + 1], weights, second);
      } else {
        multiply_accumulate<Element>(sums[s % 2 * 2], a[2 * s], first);
        multiply_accumulate<Element>(sums[s % 2 * 2 + 1], a[2 * s + 1], second);
      }
    }
  }
};

// The warps' sums of the same rows, in order, in the first warp. Synchronises.
template <class C>
__device__ void add_warps(TileProducts<C>& products, float* scratch) {
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int i = 0; i < 4; ++i) scratch[(warp * 4 + i) * 32 + lane] = products[0][i];
  __syncthreads();
  if (warp == 0) {
#pragma unroll
    for (int w = 1; w < C::kWarps; ++w) {
#pragma unroll
      for (int i = 0; i < 4; ++i) products[0][i] += scratch[(w * 4 + i) * 32 + lane];
    }
  }
}

// Registers are left for the predictor's other kernel, which starts while this one runs.
template <class C>
__global__ void __launch_bounds__(DirectShape<C>::kThreads, 2)
    row_gemm_direct_kernel(const __grid_constant__ DirectArgs direct) {
  using Shape = DirectShape<C>;
  extern __shared__ __align__(128) unsigned char shared[];
  __shared__ DirectScratch<C> scratch;
  const RowGemmArgs& args = direct.gemm;
  const int lane = threadIdx.x % 32;
  const int token_stride = args.depth * 2 + Shape::kTokenPadding;

  const DirectUnits<C> units(direct, scratch);
  DirectRing<C> ring(args, units, shared + args.tokens * token_stride);
  wait_for_prerequisites();
  // Only now: copies of the next kernel would delay what this one still has to read.
  dependents_may_launch();

  uint64_t tokens = 0;
  if constexpr (Shape::kSelects && C::kExperts == 1) tokens = real_tokens(args);
  const uint32_t lane_rows = min(lane % 16, units.tile_rows() - 1) * Shape::kRowStride + lane / 16 * 16;
  const unsigned char* lane_tokens = shared + min(lane / 4, args.tokens - 1) * token_stride + lane % 4 * 16;
  int loaded = -1;  // the expert whose tokens are there
  DirectWarp<C> warp;
  for (int unit = blockIdx.x; unit < units.count(); unit += gridDim.x) {
    const RowPass pass = units.rows_of(unit);
    float scales[2];
    if constexpr (Shape::kInt8) load_scales(scales, args, units, pass, 0);
    const int wanted = Shape::kSelects ? pass.expert : 0;
    if (wanted != loaded) {
      if (loaded >= 0) __syncthreads();
      if constexpr (Shape::kInt8) {
        store_hidden_layer<C>(shared, token_stride, units.tokens(pass), args, scratch);
      } else {
        store_tokens<C>(shared, token_stride, units.tokens(pass), args);
      }
      __syncthreads();
      loaded = wanted;
    }
    warp.clear();
    for (int chunk = DirectRing<C>::first_chunk(); chunk < ring.chunks(); chunk += DirectRing<C>::chunk_step()) {
      ring.wait();
      warp.multiply(ring.oldest() + lane_rows, lane_tokens + chunk * C::kChunk * 2,
                    min(C::kChunk, args.depth - chunk * C::kChunk));
      ring.release();
    }
    TileProducts<C> products;
    warp.join(products);
    if constexpr (Shape::kSelects) {
      if constexpr (C::kExperts > 1) tokens = scratch.expert_tokens[pass.expert];
      if constexpr (Shape::kInt8) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          products[0][i] = scales[i / 2] * (products[0][i] - scratch.offsets[product_token(0, i % 2)]);
        }
        recheck_logits<C>(
            args, units, pass, 0, 0, tokens, scales, [&](int j) { return scratch.margins[product_token(0, j)]; },
            products[0]);
      }
      write_selection<C>(args, units, pass, 0, tokens, products);
    } else {
      add_warps<C>(products, scratch.sums);
      if (threadIdx.x < 32) write_hidden_layer<C>(args, units, pass, 0, products);
      __syncthreads();
    }
  }
  if constexpr (Shape::kSelects && C::kExperts > 1) {
    clear_selections<C::kExperts>(args, scratch.expert_tokens, blockIdx.x * Shape::kThreads + threadIdx.x,
                                  gridDim.x * Shape::kThreads);
  }
}

// Rows of fc1 that a block works on at once: as many as leave all blocks alike, and no more than a tile.
inline int direct_unit_rows(int rows, int blocks) {
  const int share = (rows + blocks - 1) / blocks;
  const int units = (share + 15) / 16;
  return (share + units - 1) / units;
}

template <class C>
Status launch_row_gemm_direct(const RowGemmArgs& args, cudaStream_t stream) {
  using Shape = DirectShape<C>;
  static std::atomic<uint64_t> configured{0};
  int multiprocessors = 0;
  const auto kernel = &row_gemm_direct_kernel<C>;
  if (Status status = prepare(kernel, Shape::kSharedBytes, &configured, &multiprocessors); !status.ok()) return status;
  DirectArgs direct{args, Shape::kUnitRows, 0};
  int ring_bytes = C::kRingBytes;
  int rows = 32 * words_per_expert(args.rows_per_expert);
  if constexpr (!Shape::kSelects) {
    rows = args.rows_per_expert;
    const int experts = C::kExperts == 1 ? 1 : min(C::kExperts, args.tokens * args.routing.top_k);
    direct.unit_rows = direct_unit_rows(experts * rows, multiprocessors);
    // What is left free is room for the next kernel of the predictor to start in.
    ring_bytes = ring_bytes / Shape::kTileRows * direct.unit_rows;
  }
  direct.units_per_expert = (rows + direct.unit_rows - 1) / direct.unit_rows;
  const int token_bytes = args.tokens * (args.depth * 2 + Shape::kTokenPadding);
  return launch(kernel, direct, multiprocessors, Shape::kThreads, ring_bytes + token_bytes, stream);
}

}  // namespace turbosparse
