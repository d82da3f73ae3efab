// What stands between a decoder's branches: a branch's output is added to the residual stream, and the sum is normed.
//
// A server's own kernel would do, but none that starts while the kernel before still runs and lets the next one do so:
// the predictor's rows are on their way to shared memory meanwhile.
#pragma once

#include "turbosparse/args.h"
#include "turbosparse/device.cuh"
#include "turbosparse/launch.cuh"

namespace turbosparse {

inline constexpr int kNormThreads = 512;
// Of eight columns, that a thread keeps.
inline constexpr int kNormVectors = kMaxNormColumns / (8 * kNormThreads);

// A block norms one row. Sums are rounded to the dtype before they are squared and after they are scaled, as the
// released models do it.
template <class C, int kVectors>
__global__ void __launch_bounds__(kNormThreads) add_rms_norm_kernel(const __grid_constant__ AddRmsNormArgs args) {
  using Element = typename C::Element;
  __shared__ float squares[kNormThreads / 32];
  dependents_may_launch();
  const int vectors = args.hidden / 8;
  const auto row = static_cast<int64_t>(blockIdx.x) * vectors;
  const auto for_vectors = [&](auto visit) {
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
      const int vector = v * kNormThreads + static_cast<int>(threadIdx.x);
      if (vector < vectors) visit(v, vector);
    }
  };
  uint4 weights[kVectors];
  for_vectors([&](int v, int vector) { weights[v] = __ldg(static_cast<const uint4*>(args.weight) + vector); });
  wait_for_prerequisites();

  float sums[kVectors][8];
  float square = 0;
  for_vectors([&](int v, int vector) {
    float added[8];
    unpack8<Element>(added, __ldcg(static_cast<const uint4*>(args.x) + row + vector));
    unpack8<Element>(sums[v], __ldcg(static_cast<const uint4*>(args.residual) + row + vector));
    alignas(16) Element rounded[8];
#pragma unroll
    for (int c = 0; c < 8; ++c) {
      rounded[c] = from_float<Element>(sums[v][c] + added[c]);
      sums[v][c] = to_float(rounded[c]);
      square += sums[v][c] * sums[v][c];
    }
    static_cast<uint4*>(args.sum)[row + vector] = *reinterpret_cast<const uint4*>(rounded);
  });
#pragma unroll
  for (int lanes = 16; lanes > 0; lanes /= 2) square += __shfl_xor_sync(0xffffffffu, square, lanes);
  if (threadIdx.x % 32 == 0) squares[threadIdx.x / 32] = square;
  __syncthreads();
  float total = 0;
#pragma unroll
  for (int w = 0; w < kNormThreads / 32; ++w) total += squares[w];
  const float scale = 1.0f / sqrtf(total / static_cast<float>(args.hidden) + args.epsilon);
  for_vectors([&](int v, int vector) {
    float weight[8];
    unpack8<Element>(weight, weights[v]);
    alignas(16) Element normed[8];
#pragma unroll
    for (int c = 0; c < 8; ++c) {
      normed[c] = from_float<Element>(to_float(from_float<Element>(sums[v][c] * scale)) * weight[c]);
    }
    static_cast<uint4*>(args.normed)[row + vector] = *reinterpret_cast<const uint4*>(normed);
  });
}

template <class C>
Status launch_add_rms_norm(const AddRmsNormArgs& args, cudaStream_t stream) {
  const dim3 blocks(static_cast<unsigned>(args.rows));
  const auto kernel =
      args.hidden <= 8 * kNormThreads ? &add_rms_norm_kernel<C, 1> : &add_rms_norm_kernel<C, kNormVectors>;
  return launch(kernel, args, blocks, kNormThreads, 0, stream);
}

}  // namespace turbosparse
