// Output of many tokens, or of rows too wide to stream: the union's activations times their down rows.
//
// Columns are on the M side, tokens on the N side and neurons on the K side of mma.m16n8k16. Both operands lie in
// memory with the neuron as the slow dimension, so ldmatrix transposes them. A block owns kColumns columns and a
// contiguous share of the union; the shares' partial outputs are summed by the reduce kernel in a fixed order.
#pragma once

#include "turbosparse/active_list.cuh"
#include "turbosparse/args.h"
#include "turbosparse/launch.cuh"

namespace turbosparse {

template <class C>
struct UnionDownShape {
  static constexpr int kThreads = C::kWarps * 32;
  static constexpr int kColumnGroups = C::kHidden / C::kColumns;
  static constexpr int kColumnTiles = C::kColumns / C::kWarps / 16;  // 16-column tiles a warp
  static constexpr int kTokenTiles = C::kTokens / 8;
  // Rows are padded by 16 bytes, so that the eight rows of an ldmatrix lie in different banks.
  static constexpr int kWeightStride = C::kColumns + 8;
  static constexpr int kActivationStride = C::kTokens + 8;
  static constexpr int kStageElements = C::kChunk * (kWeightStride + kActivationStride);
  static constexpr int kSharedBytes = C::kStages * kStageElements * 2 + 4096 + 256;

  static_assert(C::kHidden % C::kColumns == 0, "columns must divide hidden");
  static_assert(C::kColumns % (16 * C::kWarps) == 0, "columns must be a multiple of 16 a warp");
  static_assert(C::kChunk % 16 == 0 && C::kTokens % 8 == 0 && C::kStages >= 2, "illegal tile");
};

template <class C>
__global__ void __launch_bounds__(UnionDownShape<C>::kThreads, 1)
    union_down_kernel(const __grid_constant__ UnionDownArgs args) {
  using Shape = UnionDownShape<C>;
  using Element = typename C::Element;
  extern __shared__ __align__(128) unsigned char shared[];
  auto* stages = reinterpret_cast<Element*>(shared);
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  const int group = blockIdx.x % Shape::kColumnGroups;
  const int split = blockIdx.x / Shape::kColumnGroups;
  const int splits = gridDim.x / Shape::kColumnGroups;

  dependents_may_launch();
  wait_for_prerequisites();
  const int count = __ldcg(args.item_count);
  const int chunks = (count + C::kChunk - 1) / C::kChunk;
  const int first = static_cast<int>(static_cast<int64_t>(chunks) * split / splits);
  const int last = static_cast<int>(static_cast<int64_t>(chunks) * (split + 1) / splits);

  const auto fetch = [&](int chunk) {
    if (chunk < last) {
      Element* weights = stages + chunk % C::kStages * Shape::kStageElements;
      Element* activations = weights + C::kChunk * Shape::kWeightStride;
      constexpr int kRowVectors = C::kColumns / 8;
      for (int i = threadIdx.x; i < C::kChunk * kRowVectors; i += Shape::kThreads) {
        const int row = i / kRowVectors;
        const int vector = i % kRowVectors;
        const int item = chunk * C::kChunk + row;
        // Rows past the end are zero, not stale: 0 * NaN would spoil the sum.
        const bool valid = item < count;
        const int64_t neuron = valid ? __ldcg(args.items + item) : 0;
        copy_async_16(weights + row * Shape::kWeightStride + vector * 8,
                      static_cast<const Element*>(args.weights) + (neuron * 3 + 2) * C::kHidden + group * C::kColumns +
                          vector * 8,
                      valid);
      }
      constexpr int kTokenVectors = C::kTokens / 8;
      for (int i = threadIdx.x; i < C::kChunk * kTokenVectors; i += Shape::kThreads) {
        const int row = i / kTokenVectors;
        const int vector = i % kTokenVectors;
        const int64_t item = chunk * C::kChunk + row;
        copy_async_16(
            activations + row * Shape::kActivationStride + vector * 8,
            static_cast<const Element*>(args.activations) + (item < count ? item : 0) * C::kTokens + vector * 8,
            item < count);
      }
    }
    copy_async_commit();
  };

  float sums[Shape::kColumnTiles][Shape::kTokenTiles][4] = {};
  for (int s = 0; s < C::kStages - 1; ++s) fetch(first + s);
  for (int chunk = first; chunk < last; ++chunk) {
    copy_async_wait<C::kStages - 2>();
    __syncthreads();
    fetch(chunk + C::kStages - 1);
    const Element* weights = stages + chunk % C::kStages * Shape::kStageElements;
    const Element* activations = weights + C::kChunk * Shape::kWeightStride;
#pragma unroll
    for (int k = 0; k < C::kChunk; k += 16) {
      uint32_t b[Shape::kTokenTiles][2];
#pragma unroll
      for (int n = 0; n < Shape::kTokenTiles; ++n) {
        load_matrix_x2_transposed(b[n],
                                  shared_address(activations + (k + lane % 16) * Shape::kActivationStride + n * 8));
      }
#pragma unroll
      for (int m = 0; m < Shape::kColumnTiles; ++m) {
        // The four 8x8 matrices of A, [columns, neurons]: lanes 8-15 and 24-31 address the upper eight columns.
        const int column = (warp * Shape::kColumnTiles + m) * 16 + lane / 8 % 2 * 8;
        const int neuron = k + lane / 16 * 8 + lane % 8;
        uint32_t a[4];
        load_matrix_x4_transposed(a, shared_address(weights + neuron * Shape::kWeightStride + column));
#pragma unroll
        for (int n = 0; n < Shape::kTokenTiles; ++n) multiply_accumulate<Element>(sums[m][n], a, b[n]);
      }
    }
  }
  copy_async_wait<0>();

#pragma unroll
  for (int m = 0; m < Shape::kColumnTiles; ++m) {
#pragma unroll
    for (int n = 0; n < Shape::kTokenTiles; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int column = group * C::kColumns + (warp * Shape::kColumnTiles + m) * 16 + lane / 4 + i / 2 * 8;
        const int token = n * 8 + lane % 4 * 2 + i % 2;
        if (token < args.tokens) {
          args.partials[(static_cast<int64_t>(split) * args.tokens + token) * C::kHidden + column] = sums[m][n][i];
        }
      }
    }
  }
}

template <class C>
Status launch_union_down(const UnionDownArgs& args, cudaStream_t stream) {
  using Shape = UnionDownShape<C>;
  static std::atomic<uint64_t> configured{0};
  int device = 0;
  int multiprocessors = 0;
  if (Status status = current_device(&device, &multiprocessors); !status.ok()) return status;
  const auto kernel = &union_down_kernel<C>;
  if (Status status = configure(kernel, Shape::kSharedBytes, device, &configured); !status.ok()) return status;
  *args.parts = max(1, min(multiprocessors / Shape::kColumnGroups, args.max_parts));
  return launch(kernel, args, *args.parts * Shape::kColumnGroups, Shape::kThreads, Shape::kSharedBytes, stream);
}

}  // namespace turbosparse
