// Geometry of ffn_stream and what one of its threads does with one neuron.
#pragma once

#include "turbosparse/active_list.cuh"
#include "turbosparse/args.h"

namespace turbosparse {

template <class C>
struct FfnStreamShape {
  static constexpr int kWarps = C::kThreads / 32;
  static constexpr int kVectors = C::kHidden / 8 / C::kThreads;  // 16-byte vectors of a row a thread owns
  static constexpr int kColumns = kVectors * 8;
  static constexpr int kRowBytes = C::kHidden * 2;
  static constexpr int kSlotBytes = C::kRows * kRowBytes;
  static constexpr int kRowVectors = kRowBytes / 16;
  static constexpr bool kBulk = C::kPipe == Pipe::bulk;
  // Two tokens leave registers for one team only, which then takes two neurons at a time.
  static constexpr int kTeams = kBulk && C::kTokens == 1 ? 2 : 1;
  static constexpr int kGroup = kBulk && C::kTokens == 2 ? 2 : 1;
  static constexpr int kTeamThreads = kTeams * C::kThreads;
  static constexpr int kBlockThreads = kTeamThreads + (kBulk ? 32 : 0);  // bulk: one warp sends for neurons
  // Neurons on their way at a time: enough bytes to keep memory busy. More would only make the first ones late, since
  // memory serves all that were sent for alike.
  static constexpr int kWindowBytes = 65536;
  static constexpr int kWindow = (kWindowBytes + kSlotBytes - 1) / kSlotBytes;
  // Gate and up dot products of every token; a given gate leaves the up ones.
  static constexpr int kDots = C::kRows - 1;
  static constexpr int kNeuronSums = kDots * C::kTokens;
  static constexpr int kSums = kGroup * kNeuronSums;

  static constexpr int kRingBytes = C::kStages * kSlotBytes;
  // Of each team one group's sums are written while another's are read.
  static constexpr int kTeamSums = 2 * kSums * kWarps;
  static constexpr int kSumsBytes = 32 * C::kTokens * kWarps;
  static constexpr int kBarrierBytes = 16 * C::kStages + 8;  // a full and an empty slot's, and the block's
  static constexpr int kRoutingBytes = 4 * C::kTokens * C::kExperts;
  static constexpr int kListBytes = 8 * kListCapacity;
  static constexpr int kSharedBytes = kRingBytes + kSumsBytes + kBarrierBytes + kRoutingBytes + kListBytes + 248;

  static_assert(C::kThreads % 32 == 0 && C::kHidden == kColumns * C::kThreads, "threads must divide hidden / 8");
  static_assert(C::kTokens == 1 || C::kTokens == 2, "tokens must be 1 or 2");
  static_assert(4 * kTeams * kTeamSums <= kSumsBytes, "the teams' sums must fit");
  static_assert(C::kTokens * C::kHidden * 4 <= kRingBytes, "a team's output must fit the ring");
  static_assert(C::kRows == 2 || C::kRows == 3, "a neuron is read as 2 or 3 rows");
};

// Sums each of N values over the warp with N - 1 + log2(32 / N) shuffles. Lane l returns value l / (32 / N).
template <int N>
__device__ __forceinline__ float multi_reduce(float (&values)[N]) {
  const int lane = threadIdx.x % 32;
  int offset = 16;
#pragma unroll
  for (int n = N; n > 1; n /= 2, offset /= 2) {
    const bool upper = (lane & offset) != 0;
#pragma unroll
    for (int i = 0; i < n / 2; ++i) {
      const float send = upper ? values[i] : values[i + n / 2];
      const float keep = upper ? values[i + n / 2] : values[i];
      values[i] = keep + __shfl_xor_sync(0xffffffffu, send, offset);
    }
  }
#pragma unroll
  for (int o = 16 / N; o > 0; o /= 2) values[0] += __shfl_xor_sync(0xffffffffu, values[0], o);
  return values[0];
}

// Adds the warps' values in order.
template <int kWarps>
__device__ __forceinline__ float sum_of_warps(const float* values) {
  float sum = 0.0f;
  if constexpr (kWarps % 4 == 0) {
#pragma unroll
    for (int w = 0; w < kWarps; w += 4) {
      const float4 four = *reinterpret_cast<const float4*>(values + w);
      sum += (four.x + four.y) + (four.z + four.w);
    }
  } else {
#pragma unroll
    for (int w = 0; w < kWarps; ++w) sum += values[w];
  }
  return sum;
}

struct StreamItem {
  int32_t row;
  // Expert in the upper half, token bits in the lower.
  uint32_t expert_and_tokens;
};

// The registers of one thread and what it does with one neuron.
template <class C>
struct FfnStreamThread {
  using Shape = FfnStreamShape<C>;
  float x[C::kTokens][Shape::kColumns];
  float y[C::kTokens][Shape::kColumns];

  __device__ static int vector_of(int v) { return v * C::kThreads + static_cast<int>(threadIdx.x) % C::kThreads; }

  // The thread's columns of x as they lie in memory.
  using Tokens = uint4[C::kTokens][Shape::kVectors];

  __device__ static void load(Tokens& tokens, const FfnStreamArgs& args) {
#pragma unroll
    for (int t = 0; t < C::kTokens; ++t) {
#pragma unroll
      for (int v = 0; v < Shape::kVectors; ++v) {
        tokens[t][v] = t < args.tokens
                           ? __ldcg(static_cast<const uint4*>(args.x) + t * Shape::kRowVectors + vector_of(v))
                           : make_uint4(0, 0, 0, 0);
      }
    }
  }

  __device__ explicit FfnStreamThread(const Tokens& tokens) {
#pragma unroll
    for (int t = 0; t < C::kTokens; ++t) {
#pragma unroll
      for (int v = 0; v < Shape::kVectors; ++v) {
        float values[8];
        unpack8<typename C::Element>(values, tokens[t][v]);
#pragma unroll
        for (int i = 0; i < 8; ++i) {
          x[t][v * 8 + i] = values[i];
          y[t][v * 8 + i] = 0.0f;
        }
      }
    }
  }

  __device__ void dot(float (&sums)[C::kTokens], const uint4* row) const {
#pragma unroll
    for (int t = 0; t < C::kTokens; ++t) sums[t] = 0.0f;
#pragma unroll
    for (int v = 0; v < Shape::kVectors; ++v) {
      float w[8];
      unpack8<typename C::Element>(w, row[vector_of(v)]);
#pragma unroll
      for (int t = 0; t < C::kTokens; ++t) {
#pragma unroll
        for (int i = 0; i < 8; ++i) sums[t] = fmaf(w[i], x[t][v * 8 + i], sums[t]);
      }
    }
  }

  // The dot products of a group of neurons, summed over the warp into `scratch` [kSums, kWarps].
  __device__ void dot_products(const uint4* const (&slots)[Shape::kGroup], float* scratch) const {
    float sums[Shape::kSums];
#pragma unroll
    for (int g = 0; g < Shape::kGroup; ++g) {
#pragma unroll
      for (int r = 0; r < Shape::kDots; ++r) {
        float dots[C::kTokens];
        dot(dots, slots[g] + r * Shape::kRowVectors);
#pragma unroll
        for (int t = 0; t < C::kTokens; ++t) sums[g * Shape::kNeuronSums + r * C::kTokens + t] = dots[t];
      }
    }
    const float sum = multi_reduce<Shape::kSums>(sums);
    const int lane = threadIdx.x % 32;
    if (lane % (32 / Shape::kSums) == 0) {
      scratch[lane / (32 / Shape::kSums) * Shape::kWarps + threadIdx.x % C::kThreads / 32] = sum;
    }
  }

  // Turns a neuron's dot products, `sums` [kNeuronSums, kWarps], into activations and adds its down row, scaled by
  // them, to the output.
  __device__ void accumulate(const uint4* slot, const float* sums, const StreamItem& item,
                             const float (&given_gate)[C::kTokens], const float* routing_weights,
                             float gate_threshold) {
    float activation[C::kTokens];
    bool any = false;
#pragma unroll
    for (int t = 0; t < C::kTokens; ++t) {
      const float gate = C::kRows == 3 ? sum_of_warps<Shape::kWarps>(sums + t * Shape::kWarps) : given_gate[t];
      const float up = sum_of_warps<Shape::kWarps>(sums + ((Shape::kDots - 1) * C::kTokens + t) * Shape::kWarps);
      float value = combine<C::kActivation>(gate, up, gate_threshold);
      if constexpr (C::kExperts > 1) value *= routing_weights[t * C::kExperts + (item.expert_and_tokens >> 16)];
      activation[t] = (item.expert_and_tokens >> t & 1) != 0 ? value : 0.0f;
      any |= !(activation[t] == 0.0f);
    }
    if (!any) return;  // the same for all threads
    const uint4* down = slot + (C::kRows - 1) * Shape::kRowVectors;
#pragma unroll
    for (int v = 0; v < Shape::kVectors; ++v) {
      float w[8];
      unpack8<typename C::Element>(w, down[vector_of(v)]);
#pragma unroll
      for (int t = 0; t < C::kTokens; ++t) {
#pragma unroll
        for (int i = 0; i < 8; ++i) y[t][v * 8 + i] = fmaf(activation[t], w[i], y[t][v * 8 + i]);
      }
    }
  }

  // Visits the thread's columns of the output four at a time: visit(offset in [tokens, hidden], values).
  template <class Visit>
  __device__ void for_output(int tokens, Visit visit) {
#pragma unroll
    for (int t = 0; t < C::kTokens; ++t) {
      if (t >= tokens) break;
#pragma unroll
      for (int c = 0; c < Shape::kColumns; c += 4) visit(t * C::kHidden + vector_of(c / 8) * 8 + c % 8, &y[t][c]);
    }
  }
};

}  // namespace turbosparse
