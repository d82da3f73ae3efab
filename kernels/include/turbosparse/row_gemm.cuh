// Weight rows times 1 to 64 tokens, with what becomes of the products decided by the role.
//
// Rows are on the M side, tokens on the N side of mma.m16n8k16. The warps of a block share the row length: each streams
// its own chunks of the same rows through its own cp.async stages and never waits for another warp until the sums meet
// in shared memory, where they are added in a fixed order. Several blocks a multiprocessor hide the latency of tile
// ends.
#pragma once

#include "turbosparse/row_gemm_outputs.cuh"

namespace turbosparse {

// One warp's walk along its share of a tile's rows.
template <class C>
class RowGemmWarp {
 public:
  using Shape = RowGemmShape<C>;
  using Element = typename C::Element;
  float sums[Shape::kRowKinds][C::kRowTiles][Shape::kTokenTiles][4];

  __device__ RowGemmWarp(unsigned char* shared) {
    stages_ = reinterpret_cast<Element*>(shared) + threadIdx.x / 32 * (C::kStages * Shape::kStageElements);
  }

  // row(i) is the address of row i of the tile (kind-major) or nullptr past its end; token(t) likewise.
  template <class Row, class Token>
  __device__ void multiply(int depth, Row row, Token token) {
#pragma unroll
    for (int r = 0; r < Shape::kRowKinds; ++r) {
#pragma unroll
      for (int m = 0; m < C::kRowTiles; ++m) {
#pragma unroll
        for (int n = 0; n < Shape::kTokenTiles; ++n) {
#pragma unroll
          for (int i = 0; i < 4; ++i) sums[r][m][n][i] = 0.0f;
        }
      }
    }
    const int warp = threadIdx.x / 32;
    const int chunks = depth / C::kChunk;
    const int steps = chunks > warp ? (chunks - warp + C::kWarps - 1) / C::kWarps : 0;
    const auto fetch = [&](int step) {
      if (step < steps) fetch_chunk(step % C::kStages, (warp + step * C::kWarps) * C::kChunk, row, token);
      copy_async_commit();
    };
    for (int s = 0; s < C::kStages - 1; ++s) fetch(s);
    for (int step = 0; step < steps; ++step) {
      copy_async_wait<C::kStages - 2>();
      __syncwarp();
      fetch(step + C::kStages - 1);
      multiply_chunk(step % C::kStages);
    }
    copy_async_wait<0>();
  }

 private:
  template <class Row, class Token>
  __device__ void fetch_chunk(int stage, int offset, Row row, Token token) {
    constexpr int kVectors = C::kChunk / 8;
    const int lane = threadIdx.x % 32;
    Element* slot = stages_ + stage * Shape::kStageElements;
#pragma unroll
    for (int i = lane; i < Shape::kTileRows * kVectors; i += 32) {
      const Element* source = row(i / kVectors);
      copy_async_16(slot + i / kVectors * Shape::kStride + i % kVectors * 8,
                    source + (source == nullptr ? 0 : offset + i % kVectors * 8), source != nullptr);
    }
    slot += Shape::kTileRows * Shape::kStride;
#pragma unroll
    for (int i = lane; i < C::kTokens * kVectors; i += 32) {
      const Element* source = token(i / kVectors);
      copy_async_16(slot + i / kVectors * Shape::kStride + i % kVectors * 8,
                    source + (source == nullptr ? 0 : offset + i % kVectors * 8), source != nullptr);
    }
  }

  __device__ void multiply_chunk(int stage) {
    const int lane = threadIdx.x % 32;
    const Element* rows = stages_ + stage * Shape::kStageElements;
    const Element* tokens = rows + Shape::kTileRows * Shape::kStride;
#pragma unroll
    for (int k = 0; k < C::kChunk; k += 16) {
      uint32_t b[Shape::kTokenTiles][2];
#pragma unroll
      for (int n = 0; n < Shape::kTokenTiles; ++n) {
        load_matrix_x2(b[n], shared_address(tokens + (n * 8 + lane % 8) * Shape::kStride + k + lane / 8 % 2 * 8));
      }
#pragma unroll
      for (int r = 0; r < Shape::kRowKinds; ++r) {
#pragma unroll
        for (int m = 0; m < C::kRowTiles; ++m) {
          uint32_t a[4];
          load_matrix_x4(
              a, shared_address(rows + ((r * C::kRowTiles + m) * 16 + lane % 16) * Shape::kStride + k + lane / 16 * 8));
#pragma unroll
          for (int n = 0; n < Shape::kTokenTiles; ++n) multiply_accumulate<Element>(sums[r][m][n], a, b[n]);
        }
      }
    }
  }

  Element* stages_;
};

// Adds the warps' sums and calls output(row in the tile's 16 * kRowTiles, token, values by row kind). Synchronises
// before and after, so the stages may be used again.
template <class C, class Output>
__device__ void finish_tile(const RowGemmWarp<C>& warp_sums, unsigned char* shared, Output output) {
  using Shape = RowGemmShape<C>;
  auto* all = reinterpret_cast<float*>(shared);
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  __syncthreads();
#pragma unroll
  for (int r = 0; r < Shape::kRowKinds; ++r) {
#pragma unroll
    for (int m = 0; m < C::kRowTiles; ++m) {
#pragma unroll
      for (int n = 0; n < Shape::kTokenTiles; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int row = (r * C::kRowTiles + m) * 16 + lane / 4 + i / 2 * 8;
          const int token = n * 8 + lane % 4 * 2 + i % 2;
          all[(warp * Shape::kTileRows + row) * C::kTokens + token] = warp_sums.sums[r][m][n][i];
        }
      }
    }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < Shape::kRows * C::kTokens; i += Shape::kThreads) {
    float values[Shape::kRowKinds];
#pragma unroll
    for (int r = 0; r < Shape::kRowKinds; ++r) {
      values[r] = 0.0f;
#pragma unroll
      for (int w = 0; w < C::kWarps; ++w) {
        values[r] += all[(w * Shape::kTileRows + r * Shape::kRows) * C::kTokens + i];
      }
    }
    output(i / C::kTokens, i % C::kTokens, values);
  }
  __syncthreads();
}

// fc1, select, gate: all rows of every expert that some token is routed to.
template <class C>
__device__ void row_gemm_dense(const RowGemmArgs& args, unsigned char* shared) {
  using Shape = RowGemmShape<C>;
  using Element = typename C::Element;
  auto& scratch = *reinterpret_cast<RowGemmScratch<C>*>(shared + Shape::kTileBytes);
  load_routing_masks<C::kExperts>(scratch.expert_tokens, args.routing, args.padding, args.tokens);

  RowGemmWarp<C> warp(shared);
  const int tiles = tiles_per_expert<C>(args.rows_per_expert);
  for (int tile = blockIdx.x; tile < C::kExperts * tiles; tile += gridDim.x) {
    const int expert = tile / tiles;
    const int first = (tile - expert * tiles) * Shape::kRows;
    if (scratch.expert_tokens[expert] == 0) {
      if constexpr (C::kRole != Role::fc1) clear_selection<C>(args, expert, first);
      continue;
    }
    constexpr int kStrideRows = C::kRole == Role::gate ? 3 : 1;
    const auto* rows = static_cast<const Element*>(args.rows);
    const auto* x = static_cast<const Element*>(args.x);
    if constexpr (C::kRole == Role::select) x += static_cast<int64_t>(expert) * args.tokens * args.depth;
    warp.multiply(
        args.depth,
        [&](int i) -> const Element* {
          if (first + i >= args.rows_per_expert) return nullptr;
          return rows + (static_cast<int64_t>(expert) * args.rows_per_expert + first + i) * kStrideRows * args.depth;
        },
        [&](int t) -> const Element* { return t < args.tokens ? x + static_cast<int64_t>(t) * args.depth : nullptr; });
    if constexpr (C::kRole == Role::fc1) {
      finish_tile<C>(warp, shared, [&](int row, int token, const float (&value)[1]) {
        write_hidden_layer<C>(args, expert, first + row, token, value[0]);
      });
    } else {
      if (threadIdx.x < 2 * Shape::kRows) scratch.row_tokens[threadIdx.x] = 0;
      finish_tile<C>(warp, shared, [&](int row, int token, const float (&value)[1]) {
        select<C>(args, scratch, expert, first, row, token, value[0]);
      });
      write_selection<C>(args, scratch, expert, first);
      __syncthreads();  // the next tile clears the token sets
    }
  }
}

// gate_up, up: the rows of the union's neurons.
template <class C>
__device__ void row_gemm_union(const RowGemmArgs& args, unsigned char* shared) {
  using Shape = RowGemmShape<C>;
  using Element = typename C::Element;
  auto& scratch = *reinterpret_cast<RowGemmScratch<C>*>(shared + Shape::kTileBytes);
  if constexpr (C::kExperts > 1) {
    load_routing_weights<C::kTokens, C::kExperts>(scratch.routing_weights, args.routing, args.tokens);
  }
  ActiveList<Shape::kThreads, C::kExperts> list(args.union_bits, args.rows_per_expert);
  list.scan(scratch.warp_totals);
  if (blockIdx.x == 0 && threadIdx.x == 0) *args.item_count = list.total();

  RowGemmWarp<C> warp(shared);
  const int tiles = (list.total() + Shape::kRows - 1) / Shape::kRows;
  for (int tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const int first = tile * Shape::kRows;
    const int count = min(list.total() - first, Shape::kRows);
    list.for_each(first, 1, count, [&](int i, const ActiveNeuron& neuron) {
      scratch.neurons[i] = neuron;
      args.items[first + i] = neuron.row;
    });
    __syncthreads();
    const auto* x = static_cast<const Element*>(args.x);
    const auto* weights = static_cast<const Element*>(args.rows);
    warp.multiply(
        args.depth,
        [&](int i) -> const Element* {
          const int row = i % Shape::kRows;
          if (row >= count) return nullptr;
          const int kind = C::kRole == Role::up ? 1 : i / Shape::kRows;
          return weights + (static_cast<int64_t>(scratch.neurons[row].row) * 3 + kind) * args.depth;
        },
        [&](int t) -> const Element* { return t < args.tokens ? x + static_cast<int64_t>(t) * args.depth : nullptr; });
    finish_tile<C>(warp, shared, [&](int row, int token, const float (&value)[Shape::kRowKinds]) {
      if (row < count) write_activation<C>(args, scratch, first + row, row, token, value);
    });
  }
}

template <class C>
__global__ void __launch_bounds__(RowGemmShape<C>::kThreads, 1)
    row_gemm_kernel(const __grid_constant__ RowGemmArgs args) {
  extern __shared__ __align__(128) unsigned char shared[];
  dependents_may_launch();
  wait_for_prerequisites();
  if constexpr (RowGemmShape<C>::kGathers) {
    row_gemm_union<C>(args, shared);
  } else {
    row_gemm_dense<C>(args, shared);
  }
}

template <class C>
Status launch_row_gemm(const RowGemmArgs& args, cudaStream_t stream) {
  using Shape = RowGemmShape<C>;
  static std::atomic<uint64_t> configured{0};
  static std::atomic<int> resident_blocks{0};
  int device = 0;
  int multiprocessors = 0;
  if (Status status = current_device(&device, &multiprocessors); !status.ok()) return status;
  const auto kernel = &row_gemm_kernel<C>;
  if (Status status = configure(kernel, Shape::kSharedBytes, device, &configured); !status.ok()) return status;
  int resident = resident_blocks.load(std::memory_order_relaxed);
  if (resident == 0) {
    const cudaError_t error =
        cudaOccupancyMaxActiveBlocksPerMultiprocessor(&resident, kernel, Shape::kThreads, Shape::kSharedBytes);
    if (error != cudaSuccess) return {error, {}};
    resident_blocks.store(resident, std::memory_order_relaxed);
  }
  const int tiles = C::kExperts * tiles_per_expert<C>(args.rows_per_expert);
  const int blocks = max(1, min(tiles, multiprocessors * resident));
  return launch(kernel, args, blocks, Shape::kThreads, Shape::kSharedBytes, stream);
}

}  // namespace turbosparse
