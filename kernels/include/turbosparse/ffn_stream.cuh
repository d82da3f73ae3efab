// FFN or MoE of 1 to 4 tokens over the neurons of an active set.
//
// A persistent block streams its share of the union, one whole neuron a slot, through a ring in shared memory. All its
// threads work on the same neurons, kGroup at a time: each owns kColumns columns, holds its part of x and of the output
// in registers, and meets the others once a group to sum the gate and up dot products. That one barrier also says that
// the group before is no longer read, so the ring needs no producer warp and no barriers for empty slots. A reduce
// kernel sums the blocks' partial outputs in a fixed order, so that results are reproducible to the bit.
#pragma once

#include "turbosparse/active_list.cuh"
#include "turbosparse/args.h"
#include "turbosparse/bulk_ring.cuh"
#include "turbosparse/launch.cuh"
#include "turbosparse/routing.cuh"

namespace turbosparse {

template <class C>
struct FfnStreamShape {
  static constexpr int kWarps = C::kThreads / 32;
  static constexpr int kVectors = C::kHidden / 8 / C::kThreads;  // 16-byte vectors of a row a thread owns
  static constexpr int kColumns = kVectors * 8;
  static constexpr int kRowBytes = C::kHidden * 2;
  static constexpr int kSlotBytes = C::kRows * kRowBytes;
  static constexpr int kRowVectors = kRowBytes / 16;
  static constexpr int kSlotVectors = kSlotBytes / 16;
  // Two neurons hide each other's latencies; four tokens have enough arithmetic, and no registers to spare.
  static constexpr int kGroup = C::kPipe == Pipe::bulk && C::kTokens <= 2 && C::kStages % 2 == 0 ? 2 : 1;
  // Gate and up dot products of every token; a given gate leaves the up ones.
  static constexpr int kDots = C::kRows - 1;
  static constexpr int kNeuronSums = kDots * C::kTokens;
  static constexpr int kSums = kGroup * kNeuronSums;

  static constexpr int kRingBytes = C::kStages * kSlotBytes;
  // One group's sums are written while another's are read: two times 4 * kSums * kWarps at most.
  static constexpr int kSumsBytes = 32 * C::kTokens * kWarps;
  static constexpr int kBarrierBytes = 8 * C::kStages;
  static constexpr int kRoutingBytes = 4 * C::kTokens * C::kExperts;
  static constexpr int kListBytes = 8 * kListCapacity;
  static constexpr int kSharedBytes = kRingBytes + kSumsBytes + kBarrierBytes + kRoutingBytes + kListBytes + 256;

  static_assert(C::kThreads % 32 == 0 && C::kHidden == kColumns * C::kThreads, "threads must divide hidden / 8");
  static_assert(C::kTokens == 1 || C::kTokens == 2 || C::kTokens == 4, "tokens must be 1, 2 or 4");
  static_assert(8 * kSums * kWarps <= kSumsBytes && kListCapacity % kGroup == 0, "a group must fit");
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

  __device__ static int vector_of(int v) { return v * C::kThreads + static_cast<int>(threadIdx.x); }

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

  // The dot products of a group of neurons in adjacent slots, summed over the warp into `scratch` [kSums, kWarps].
  __device__ void dot_products(const uint4* slots, float* scratch) const {
    float sums[Shape::kSums];
#pragma unroll
    for (int g = 0; g < Shape::kGroup; ++g) {
#pragma unroll
      for (int r = 0; r < Shape::kDots; ++r) {
        float dots[C::kTokens];
        dot(dots, slots + g * Shape::kSlotVectors + r * Shape::kRowVectors);
#pragma unroll
        for (int t = 0; t < C::kTokens; ++t) sums[g * Shape::kNeuronSums + r * C::kTokens + t] = dots[t];
      }
    }
    const float sum = multi_reduce<Shape::kSums>(sums);
    const int lane = threadIdx.x % 32;
    if (lane % (32 / Shape::kSums) == 0) {
      scratch[lane / (32 / Shape::kSums) * Shape::kWarps + threadIdx.x / 32] = sum;
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

  // Writes the thread's columns of the output, [tokens, hidden].
  __device__ void write(float* partial, int tokens) const {
#pragma unroll
    for (int t = 0; t < C::kTokens; ++t) {
      if (t >= tokens) break;
#pragma unroll
      for (int c = 0; c < Shape::kColumns; c += 4) {
        *reinterpret_cast<float4*>(partial + t * C::kHidden + vector_of(c / 8) * 8 + c % 8) =
            make_float4(y[t][c], y[t][c + 1], y[t][c + 2], y[t][c + 3]);
      }
    }
  }
};

// How neurons reach the ring.
template <class C>
class NeuronRing {
 public:
  using Shape = FfnStreamShape<C>;

  __device__ NeuronRing(unsigned char* slots, uint64_t* full) : slots_(slots), full_(full) {
    if constexpr (C::kPipe == Pipe::bulk) {
      policy_ = evict_first_policy();
      if (threadIdx.x == 0) {
        for (int s = 0; s < C::kStages; ++s) mbarrier_init(&full_[s], 1);
        mbarrier_init_fence();
      }
    }
  }

  // Readable rows of neuron `ahead` after the current one; a group lies in adjacent slots.
  __device__ const uint4* slot(int ahead = 0) const {
    return reinterpret_cast<const uint4*>(slots_ + (read_.slot + ahead) * Shape::kSlotBytes);
  }

  // Bulk only, once a list, by any thread: copies one of the first kStages neurons of the list.
  __device__ void start(int index, const unsigned char* neuron) { copy((read_.slot + index) % C::kStages, neuron); }

  // All threads, in the order of the list, nullptr at its end. Async: every thread copies just the columns it works on
  // and so waits for its own copies only; it counts copies by calls.
  __device__ void fetch(const unsigned char* neuron) {
    if constexpr (C::kPipe == Pipe::bulk) {
      if (threadIdx.x == 0 && neuron != nullptr) copy(write_.slot, neuron);
    } else {
      if (neuron != nullptr) {
#pragma unroll
        for (int r = 0; r < C::kRows; ++r) {
#pragma unroll
          for (int v = 0; v < Shape::kVectors; ++v) {
            const int offset = r * Shape::kRowBytes + FfnStreamThread<C>::vector_of(v) * 16;
            copy_async_16(slots_ + write_.slot * Shape::kSlotBytes + offset, neuron + offset, true);
          }
        }
      }
      copy_async_commit();
    }
    write_.advance();
  }

  // Until neuron `ahead` after the current one is readable.
  __device__ void wait(int ahead = 0) const {
    if constexpr (C::kPipe == Pipe::bulk) {
      mbarrier_wait(&full_[read_.slot + ahead], read_.parity);
    } else {
      copy_async_wait<C::kStages - 2>();
    }
  }

  __device__ void advance() { read_.advance(); }

  // After the last neuron of a list: the next list starts at the slot after it.
  __device__ void finish() {
    if constexpr (C::kPipe == Pipe::async) copy_async_wait<0>();
    write_ = read_;
  }

 private:
  __device__ void copy(int slot, const unsigned char* neuron) {
    mbarrier_arrive_expect(&full_[slot], Shape::kSlotBytes);
    copy_bulk(slots_ + slot * Shape::kSlotBytes, neuron, Shape::kSlotBytes, &full_[slot], policy_);
  }

  unsigned char* slots_;
  uint64_t* full_;
  uint64_t policy_ = 0;
  RingPosition<C::kStages> read_, write_;
};

template <class C>
__global__ void __launch_bounds__(C::kThreads, 1) ffn_stream_kernel(const __grid_constant__ FfnStreamArgs args) {
  using Shape = FfnStreamShape<C>;
  extern __shared__ __align__(128) unsigned char shared[];
  auto* scratch = reinterpret_cast<float*>(shared + Shape::kRingBytes);
  auto* full = reinterpret_cast<uint64_t*>(shared + Shape::kRingBytes + Shape::kSumsBytes);
  auto* items = reinterpret_cast<StreamItem*>(full + C::kStages);
  auto* routing_weights = reinterpret_cast<float*>(items + kListCapacity);
  auto* warp_totals = reinterpret_cast<int*>(routing_weights + C::kTokens * C::kExperts);

  NeuronRing<C> ring(shared, full);
  dependents_may_launch();
  wait_for_prerequisites();

  ActiveList<C::kThreads, C::kExperts> list(args.union_bits, args.intermediate);
  typename FfnStreamThread<C>::Tokens tokens;
  FfnStreamThread<C>::load(tokens, args);
  list.scan(warp_totals);
  FfnStreamThread<C> mine(tokens);
  if constexpr (C::kExperts > 1) {
    load_routing_weights<C::kTokens, C::kExperts>(routing_weights, args.routing, args.tokens);
  }

  // Every gridDim.x-th neuron, so that at any time the blocks read neighbouring memory.
  const int total = max(0, (list.total() - static_cast<int>(blockIdx.x) + static_cast<int>(gridDim.x) - 1)) /
                    static_cast<int>(gridDim.x);
  const auto source = [&](int row) {
    return static_cast<const unsigned char*>(args.weights) +
           (static_cast<int64_t>(row) * 3 + (3 - C::kRows)) * Shape::kRowBytes;
  };
  for (int base = 0; base < total; base += kListCapacity) {
    const int count = min(total - base, kListCapacity);
    list.for_each(blockIdx.x + base * gridDim.x, gridDim.x, count, [&](int i, const ActiveNeuron& neuron) {
      // The thread that finds one of the first neurons sends for it, before the list is complete.
      if (C::kPipe == Pipe::bulk && i < C::kStages) ring.start(i, source(neuron.row));
      uint32_t tokens = 1;
      if constexpr (C::kTokens > 1) tokens = static_cast<uint32_t>(__ldcg(args.token_bits + neuron.row)) & 0xffff;
      items[i] = {neuron.row, static_cast<uint32_t>(neuron.expert) << 16 | tokens};
    });
    __syncthreads();

    const auto fetch = [&](int index) { ring.fetch(index < count ? source(items[index].row) : nullptr); };
    const auto gate_of = [&](float (&gate)[Shape::kGroup][C::kTokens], int index) {
      if constexpr (C::kRows == 2) {
#pragma unroll
        for (int g = 0; g < Shape::kGroup; ++g) {
#pragma unroll
          for (int t = 0; t < C::kTokens; ++t) {
            gate[g][t] = index + g < count && t < args.tokens
                             ? __ldcg(args.gate_values + static_cast<int64_t>(items[index + g].row) * args.tokens + t)
                             : 0.0f;
          }
        }
      }
    };

    if constexpr (C::kPipe == Pipe::async) {
      for (int i = 0; i < C::kStages; ++i) fetch(i);
    }
    float gate[Shape::kGroup][C::kTokens] = {};
    gate_of(gate, 0);
    for (int i = 0; i < count; i += Shape::kGroup) {
      float next_gate[Shape::kGroup][C::kTokens] = {};
      gate_of(next_gate, i + Shape::kGroup);
#pragma unroll
      for (int g = 0; g < Shape::kGroup; ++g) {
        if (i + g < count) ring.wait(g);
      }
      float* sums = scratch + i / Shape::kGroup % 2 * Shape::kSums * Shape::kWarps;
      mine.dot_products(ring.slot(), sums);
      __syncthreads();
#pragma unroll
      for (int g = 0; g < Shape::kGroup; ++g) {
        if (i > 0) fetch(i - Shape::kGroup + g + C::kStages);
      }
#pragma unroll
      for (int g = 0; g < Shape::kGroup; ++g) {
        if (i + g >= count) break;
        mine.accumulate(ring.slot(g), sums + g * Shape::kNeuronSums * Shape::kWarps, items[i + g], gate[g],
                        routing_weights, args.gate_threshold);
      }
#pragma unroll
      for (int g = 0; g < Shape::kGroup; ++g) {
        ring.advance();
#pragma unroll
        for (int t = 0; t < C::kTokens; ++t) gate[g][t] = next_gate[g][t];
      }
    }
    ring.finish();
    __syncthreads();  // items and slots may be written again
  }

  mine.write(args.partials + static_cast<int64_t>(blockIdx.x) * args.tokens * C::kHidden, args.tokens);
}

template <class C>
Status launch_ffn_stream(const FfnStreamArgs& args, cudaStream_t stream) {
  using Shape = FfnStreamShape<C>;
  static std::atomic<uint64_t> configured{0};
  int device = 0;
  int multiprocessors = 0;
  if (Status status = current_device(&device, &multiprocessors); !status.ok()) return status;
  const auto kernel = &ffn_stream_kernel<C>;
  if (Status status = configure(kernel, Shape::kSharedBytes, device, &configured); !status.ok()) return status;
  *args.parts = min(multiprocessors, args.max_parts);
  return launch(kernel, args, *args.parts, C::kThreads, Shape::kSharedBytes, stream);
}

}  // namespace turbosparse
