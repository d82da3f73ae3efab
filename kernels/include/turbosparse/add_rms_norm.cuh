// What stands between a decoder's branches: a branch's output is added to the residual stream, the sum is normed, and
// in a mixture of experts routed.
//
// A server's own kernels would do, but none that start while the kernel before still runs and let the next one do so:
// the predictor's rows are on their way to shared memory meanwhile. The router of a few tokens takes longer to start
// than to compute, and its tokens are in registers here.
#pragma once

#include <cmath>

#include "turbosparse/args.h"
#include "turbosparse/device.cuh"
#include "turbosparse/launch.cuh"

namespace turbosparse {

inline constexpr int kNormThreads = 512;
// Of eight columns, that a thread keeps.
inline constexpr int kNormVectors = kMaxNormColumns / (8 * kNormThreads);

inline constexpr int kNormWarps = kNormThreads / 32;

// The `top_k` likeliest of `experts` logits: one warp, of which each lane has two. The first of equals wins, and what
// is no number before all others, so that they are different experts whatever the logits are.
template <class C>
__device__ void choose_experts(const AddRmsNormArgs& args, const float* logits) {
  constexpr uint32_t kAll = 0xffffffffu;
  const int lane = static_cast<int>(threadIdx.x);
  float chance[2];
  float most = -INFINITY;
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    chance[h] = lane + 32 * h < args.experts ? logits[lane + 32 * h] : -INFINITY;
    most = fmaxf(most, chance[h]);
  }
#pragma unroll
  for (int lanes = 16; lanes > 0; lanes /= 2) most = fmaxf(most, __shfl_xor_sync(kAll, most, lanes));
  float sum = 0;
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    chance[h] = lane + 32 * h < args.experts ? expf(chance[h] - most) : 0.0f;
    sum += chance[h];
  }
#pragma unroll
  for (int lanes = 16; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(kAll, sum, lanes);

  // Of those left; chosen ones are below all.
  float left[2];
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    chance[h] /= sum;
    left[h] = lane + 32 * h >= args.experts ? -1.0f : isnan(chance[h]) ? INFINITY : chance[h];
  }
  float total = 0, mine = 0;
  int expert = 0;
  for (int k = 0; k < args.top_k; ++k) {
    float best = left[0];
    int at = lane;
    if (left[1] > best) {
      best = left[1];
      at = lane + 32;
    }
#pragma unroll
    for (int lanes = 16; lanes > 0; lanes /= 2) {
      const float other = __shfl_xor_sync(kAll, best, lanes);
      const int other_at = __shfl_xor_sync(kAll, at, lanes);
      if (other > best || (other == best && other_at < at)) {
        best = other;
        at = other_at;
      }
    }
    const float value = __shfl_sync(kAll, at < 32 ? chance[0] : chance[1], at % 32);
    total += value;
    if (lane == k) {
      mine = value;
      expert = at;
    }
    if (lane == at) left[0] = -1.0f;
    if (lane + 32 == at) left[1] = -1.0f;
  }
  if (lane < args.top_k) {
    const int64_t slot = static_cast<int64_t>(blockIdx.x) * args.top_k + lane;
    args.topk_ids[slot] = expert;
    args.topk_weights[slot] = mine / total;
  }
}

// A block norms one row. Sums are rounded to the dtype before they are squared and after they are scaled, as the
// released models do it.
template <class C, int kVectors, bool kRoutes>
__global__ void __launch_bounds__(kNormThreads, 1) add_rms_norm_kernel(const __grid_constant__ AddRmsNormArgs args) {
  using Element = typename C::Element;
  __shared__ float squares[kNormWarps];
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
  for (int w = 0; w < kNormWarps; ++w) total += squares[w];
  const float scale = 1.0f / sqrtf(total / static_cast<float>(args.hidden) + args.epsilon);
  for_vectors([&](int v, int vector) {
    float weight[8];
    unpack8<Element>(weight, weights[v]);
    alignas(16) Element normed[8];
#pragma unroll
    for (int c = 0; c < 8; ++c) {
      normed[c] = from_float<Element>(to_float(from_float<Element>(sums[v][c] * scale)) * weight[c]);
      if constexpr (kRoutes) sums[v][c] = to_float(normed[c]);
    }
    static_cast<uint4*>(args.normed)[row + vector] = *reinterpret_cast<const uint4*>(normed);
  });
  if constexpr (kRoutes) {
    __shared__ float parts[kNormWarps][kMaxExperts];
    __shared__ float logits[kMaxExperts];
    // Experts whose rows are on their way at once.
    constexpr int kRouterBatch = kVectors == 1 ? 8 : 2;
    for (int first = 0; first < args.experts; first += kRouterBatch) {
      float dot[kRouterBatch] = {};
      for_vectors([&](int v, int vector) {
#pragma unroll
        for (int e = 0; e < kRouterBatch; ++e) {
          if (first + e >= args.experts) break;
          float row_of_expert[8];
          const auto* router = static_cast<const uint4*>(args.router) + static_cast<int64_t>(first + e) * vectors;
          unpack8<Element>(row_of_expert, __ldg(router + vector));
#pragma unroll
          for (int c = 0; c < 8; ++c) dot[e] += row_of_expert[c] * sums[v][c];
        }
      });
#pragma unroll
      for (int e = 0; e < kRouterBatch; ++e) {
#pragma unroll
        for (int lanes = 16; lanes > 0; lanes /= 2) dot[e] += __shfl_xor_sync(0xffffffffu, dot[e], lanes);
        if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32][first + e] = dot[e];
      }
    }
    __syncthreads();
    if (threadIdx.x < args.experts) {
      float logit = 0;
#pragma unroll
      for (int w = 0; w < kNormWarps; ++w) logit += parts[w][threadIdx.x];
      logits[threadIdx.x] = to_float(from_float<Element>(logit));
    }
    __syncthreads();
    if (threadIdx.x < 32) choose_experts<C>(args, logits);
  }
}

template <class C, bool kRoutes>
Status launch_norm(const AddRmsNormArgs& args, cudaStream_t stream) {
  const dim3 blocks(static_cast<unsigned>(args.rows));
  const auto kernel = args.hidden <= 8 * kNormThreads ? &add_rms_norm_kernel<C, 1, kRoutes>
                                                      : &add_rms_norm_kernel<C, kNormVectors, kRoutes>;
  return launch(kernel, args, blocks, kNormThreads, 0, stream);
}

template <class C>
Status launch_add_rms_norm(const AddRmsNormArgs& args, cudaStream_t stream) {
  return args.router == nullptr ? launch_norm<C, false>(args, stream) : launch_norm<C, true>(args, stream);
}

}  // namespace turbosparse
