// FFN or MoE of 1 or 2 tokens over the neurons of an active set.
//
// A persistent block streams its share of the union, one whole neuron a slot, through a ring in shared memory. A team
// of threads works on a neuron: each thread owns kColumns columns, holds its part of x and of the output in registers,
// and meets its team once a neuron, or once a group of neurons, to sum the gate and up dot products. Two teams hide
// each other's latencies. A reduce kernel sums the blocks' partial outputs in a fixed order, so that results are
// reproducible to the bit.
#pragma once

#include "turbosparse/bulk_ring.cuh"
#include "turbosparse/ffn_stream_thread.cuh"
#include "turbosparse/launch.cuh"
#include "turbosparse/routing.cuh"

namespace turbosparse {

// How neurons reach the block. Neurons are counted through all lists; neuron n goes through slot n % kStages.
template <class C>
class NeuronRing {
 public:
  using Shape = FfnStreamShape<C>;

  __device__ NeuronRing(unsigned char* slots, uint64_t* barriers)
      : slots_(slots), full_(barriers), empty_(barriers + C::kStages) {
    if constexpr (Shape::kBulk) {
      if (threadIdx.x == 0) {
        for (int s = 0; s < C::kStages; ++s) {
          mbarrier_init(&full_[s], 1);
          mbarrier_init(&empty_[s], C::kThreads);
        }
        BlockBarrier::init(barriers + 2 * C::kStages);
        mbarrier_init_fence();
      }
    }
  }

  // Bulk, one thread: sends for the `count` neurons from `first` on, kWindow at a time. source(i) is the i-th one's
  // address.
  template <class Source>
  __device__ void produce(int first, int count, Source source) const {
    const uint64_t policy = evict_first_policy();
    for (int i = 0; i < count; ++i) {
      const int n = first + i;
      const int slot = n % C::kStages;
      // A window as wide as the ring holds nothing back.
      if (Shape::kWindow < C::kStages && i >= Shape::kWindow) wait(n - Shape::kWindow);
      mbarrier_wait(&empty_[slot], (n / C::kStages & 1) ^ 1);
      mbarrier_arrive_expect(&full_[slot], Shape::kSlotBytes);
      copy_bulk(slots_ + slot * Shape::kSlotBytes, source(i), Shape::kSlotBytes, &full_[slot], policy);
    }
  }

  // Async, all threads, once a step, with nullptr at the end: a thread copies just the columns it works on and so waits
  // for its own copies only.
  __device__ void fetch(int n, const unsigned char* neuron) const {
    if (neuron != nullptr) {
#pragma unroll
      for (int r = 0; r < C::kRows; ++r) {
#pragma unroll
        for (int v = 0; v < Shape::kVectors; ++v) {
          const int offset = r * Shape::kRowBytes + FfnStreamThread<C>::vector_of(v) * 16;
          copy_async_16(shared_address(slots_ + n % C::kStages * Shape::kSlotBytes + offset), neuron + offset);
        }
      }
    }
    copy_async_commit();
  }

  // Until neuron n is readable.
  __device__ void wait(int n) const {
    if constexpr (Shape::kBulk) {
      mbarrier_wait(&full_[n % C::kStages], n / C::kStages & 1);
    } else {
      copy_async_wait<C::kStages - 2>();
    }
  }

  __device__ const uint4* slot(int n) const {
    return reinterpret_cast<const uint4*>(slots_ + n % C::kStages * Shape::kSlotBytes);
  }

  // The thread has read neuron n.
  __device__ void release(int n) const {
    if constexpr (Shape::kBulk) mbarrier_arrive(&empty_[n % C::kStages]);
  }

 private:
  unsigned char* slots_;
  uint64_t* full_;
  uint64_t* empty_;
};

// The given gates of the group of neurons from `index` on.
template <class C>
__device__ void load_gates(float (&gates)[FfnStreamShape<C>::kGroup][C::kTokens], const FfnStreamArgs& args,
                           const StreamItem* items, int index, int count) {
#pragma unroll
  for (int g = 0; g < FfnStreamShape<C>::kGroup; ++g) {
#pragma unroll
    for (int t = 0; t < C::kTokens; ++t) {
      gates[g][t] = C::kRows == 2 && index + g < count && t < args.tokens
                        ? __ldcg(args.gate_values + static_cast<int64_t>(items[index + g].row) * args.tokens + t)
                        : 0.0f;
    }
  }
}

template <class C>
__global__ void __launch_bounds__(FfnStreamShape<C>::kBlockThreads, 1)
    ffn_stream_kernel(const __grid_constant__ FfnStreamArgs args) {
  using Shape = FfnStreamShape<C>;
  extern __shared__ __align__(128) unsigned char shared[];
  auto* scratch = reinterpret_cast<float*>(shared + Shape::kRingBytes);
  auto* barriers = reinterpret_cast<uint64_t*>(shared + Shape::kRingBytes + Shape::kSumsBytes);
  auto* items = reinterpret_cast<StreamItem*>(barriers + 2 * C::kStages + 1);
  auto* routing_weights = reinterpret_cast<float*>(items + kListCapacity);
  auto* warp_totals = reinterpret_cast<int*>(routing_weights + C::kTokens * C::kExperts);

  const NeuronRing<C> ring(shared, barriers);
  BlockBarrier block(barriers + 2 * C::kStages);
  const auto meet = [&] {
    // Teams and the sending thread come from loops of different lengths.
    if constexpr (Shape::kBulk) {
      block.arrive_and_wait();
    } else {
      __syncthreads();
    }
  };
  dependents_may_launch();
  wait_for_prerequisites();

  ActiveList<Shape::kBlockThreads, C::kExperts> list(args.union_bits, args.intermediate);
  typename FfnStreamThread<C>::Tokens tokens;
  FfnStreamThread<C>::load(tokens, args);
  list.scan(warp_totals);
  FfnStreamThread<C> mine(tokens);
  if constexpr (C::kExperts > 1) {
    load_routing<C::kTokens, C::kExperts>(nullptr, routing_weights, args.routing, nullptr, args.tokens);
  }

  // Every gridDim.x-th neuron, so that at any time the blocks read neighbouring memory.
  const int total = max(0, (list.total() - static_cast<int>(blockIdx.x) + static_cast<int>(gridDim.x) - 1)) /
                    static_cast<int>(gridDim.x);
  const int team = threadIdx.x / C::kThreads;
  for (int base = 0; base < total; base += kListCapacity) {
    const int count = min(total - base, kListCapacity);
    list.for_each(blockIdx.x + base * gridDim.x, gridDim.x, count, [&](int i, const ActiveNeuron& neuron) {
      uint32_t bits = 1;
      if constexpr (C::kTokens > 1) bits = static_cast<uint32_t>(__ldcg(args.token_bits + neuron.row)) & 0xffff;
      items[i] = {neuron.row, static_cast<uint32_t>(neuron.expert) << 16 | bits};
    });
    __syncthreads();
    const auto source = [&](int i) {
      return static_cast<const unsigned char*>(args.weights) +
             (static_cast<int64_t>(items[i].row) * 3 + (3 - C::kRows)) * Shape::kRowBytes;
    };
    const auto fetch = [&](int i) { ring.fetch(base + i, i < count ? source(i) : nullptr); };
    if constexpr (!Shape::kBulk) {
      for (int i = 0; i < C::kStages; ++i) fetch(i);
    }

    if (team < Shape::kTeams) {
      float* team_sums = scratch + team * Shape::kTeamSums;
      float gates[Shape::kGroup][C::kTokens];
      load_gates<C>(gates, args, items, team * Shape::kGroup, count);
      for (int i = team * Shape::kGroup, phase = 0; i < count; i += Shape::kTeams * Shape::kGroup, phase ^= 1) {
        float next_gates[Shape::kGroup][C::kTokens];
        load_gates<C>(next_gates, args, items, i + Shape::kTeams * Shape::kGroup, count);
        const uint4* slots[Shape::kGroup];
#pragma unroll
        for (int g = 0; g < Shape::kGroup; ++g) {
          // A neuron past the end stands in for none: its dot products are not used.
          slots[g] = ring.slot(base + min(i + g, count - 1));
          if (i + g < count) ring.wait(base + i + g);
        }
        float* sums = team_sums + phase * Shape::kSums * Shape::kWarps;
        mine.dot_products(slots, sums);
        named_barrier(1 + team, C::kThreads);
        if constexpr (!Shape::kBulk) {
          if (i > 0) fetch(i - 1 + C::kStages);
        }
#pragma unroll
        for (int g = 0; g < Shape::kGroup; ++g) {
          if (i + g >= count) break;
          mine.accumulate(slots[g], sums + g * Shape::kNeuronSums * Shape::kWarps, items[i + g], gates[g],
                          routing_weights, args.gate_threshold);
          ring.release(base + i + g);
        }
#pragma unroll
        for (int g = 0; g < Shape::kGroup; ++g) {
#pragma unroll
          for (int t = 0; t < C::kTokens; ++t) gates[g][t] = next_gates[g][t];
        }
      }
      if constexpr (!Shape::kBulk) copy_async_wait<0>();
    } else if constexpr (Shape::kBulk) {
      if (threadIdx.x == Shape::kTeamThreads) ring.produce(base, count, source);
    }
    meet();  // items and slots may be written again
  }

  float* partial = args.partials + static_cast<int64_t>(blockIdx.x) * args.tokens * C::kHidden;
  auto* other = reinterpret_cast<float*>(shared);
  if constexpr (Shape::kTeams == 2) {
    if (team == 1) {
      mine.for_output(args.tokens, [&](int at, const float* y) {
        *reinterpret_cast<float4*>(other + at) = make_float4(y[0], y[1], y[2], y[3]);
      });
    }
    meet();
  }
  if (team == 0) {
    mine.for_output(args.tokens, [&](int at, const float* y) {
      float4 sum = make_float4(y[0], y[1], y[2], y[3]);
      if constexpr (Shape::kTeams == 2) {
        const float4 more = *reinterpret_cast<const float4*>(other + at);
        sum = make_float4(sum.x + more.x, sum.y + more.y, sum.z + more.z, sum.w + more.w);
      }
      *reinterpret_cast<float4*>(partial + at) = sum;
    });
  }
}

template <class C>
Status launch_ffn_stream(const FfnStreamArgs& args, cudaStream_t stream) {
  using Shape = FfnStreamShape<C>;
  static std::atomic<uint64_t> configured{0};
  int multiprocessors = 0;
  const auto kernel = &ffn_stream_kernel<C>;
  if (Status status = prepare(kernel, Shape::kSharedBytes, &configured, &multiprocessors); !status.ok()) return status;
  *args.parts = min(multiprocessors, args.max_parts);
  return launch(kernel, args, *args.parts, Shape::kBlockThreads, Shape::kSharedBytes, stream);
}

}  // namespace turbosparse
