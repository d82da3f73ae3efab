// What the dense path does between its GEMMs: gate and up values to masked activations, in one pass.
#pragma once

#include "turbosparse/args.h"
#include "turbosparse/device.cuh"
#include "turbosparse/launch.cuh"

namespace turbosparse {

inline constexpr int kActivateThreads = 256;
// Rows that a thread works on: tokens of one word, so that it reads its neurons' token sets once.
inline constexpr int kActivateRows = 16;

// A thread owns kColumns columns, 8 where rows are whole 16-byte vectors, else 1.
template <class C, Activation kActivation, int kColumns>
__global__ void __launch_bounds__(kActivateThreads, 1) activate_kernel(const __grid_constant__ ActivateArgs args) {
  using Element = typename C::Element;
  struct alignas(kColumns * 2) Vector {
    Element values[kColumns];
  };
  dependents_may_launch();
  wait_for_prerequisites();
  const int column = (blockIdx.x * kActivateThreads + threadIdx.x) * kColumns;
  if (column >= args.columns) return;
  const int first = blockIdx.y * kActivateRows;
  uint64_t tokens[kColumns];
#pragma unroll
  for (int c = 0; c < kColumns; ++c) {
    tokens[c] = args.token_bits == nullptr
                    ? ~uint64_t{0}
                    : __ldg(args.token_bits + static_cast<int64_t>(first / 64) * args.columns + column + c);
  }
#pragma unroll 4
  for (int row = first; row < min(first + kActivateRows, args.rows); ++row) {
    const bool dropped = args.dropped != nullptr && args.dropped[row] != 0;
    const int64_t at = static_cast<int64_t>(row) * args.columns + column;
    auto* gate = reinterpret_cast<Vector*>(static_cast<Element*>(args.gate) + at);
    Vector out = *gate;
    const Vector up = *reinterpret_cast<const Vector*>(static_cast<const Element*>(args.up) + at);
#pragma unroll
    for (int c = 0; c < kColumns; ++c) {
      const bool kept = !dropped && (tokens[c] >> (row % 64) & 1) != 0;
      const float value = combine<kActivation>(to_float(out.values[c]), to_float(up.values[c]), args.threshold);
      out.values[c] = from_float<Element>(kept ? value : 0.0f);
    }
    *gate = out;
  }
}

template <class C>
Status launch_activate(const ActivateArgs& args, cudaStream_t stream) {
  const bool vectors = args.columns % 8 == 0;
  const int threads = vectors ? args.columns / 8 : args.columns;
  const dim3 blocks(static_cast<unsigned>((threads + kActivateThreads - 1) / kActivateThreads),
                    static_cast<unsigned>((args.rows + kActivateRows - 1) / kActivateRows));
  const bool drelu = args.activation == Activation::drelu;
  const auto kernel =
      drelu ? (vectors ? &activate_kernel<C, Activation::drelu, 8> : &activate_kernel<C, Activation::drelu, 1>)
            : (vectors ? &activate_kernel<C, Activation::reglu, 8> : &activate_kernel<C, Activation::reglu, 1>);
  return launch(kernel, args, blocks, kActivateThreads, 0, stream);
}

}  // namespace turbosparse
