// Turns the union bitmap into the list of neurons a block works on. Every block scans the whole bitmap and picks its
// neurons by rank, so the work is even, needs no atomics and its order depends on the bitmap alone.
#pragma once

#include "turbosparse/device.cuh"

namespace turbosparse {

__host__ __device__ constexpr int words_per_expert(int intermediate) { return (intermediate + 31) / 32; }

// Neurons a block lists at once; longer shares are worked off in passes.
inline constexpr int kListCapacity = 512;

// One neuron of the union. `row` is expert * intermediate + neuron.
struct ActiveNeuron {
  int32_t row;
  int32_t expert;
};

// All `kThreads` threads of the block take part in every method.
template <int kThreads, int kExperts>
class ActiveList {
 public:
  static constexpr int kWarps = (kThreads + 31) / 32;
  static_assert(kThreads <= 1024, "for_range() looks for one of at most 1024 threads");

  // Starts reading the bitmap; other loads may follow before scan() waits for it.
  __device__ ActiveList(const uint8_t* union_bits, int intermediate) {
    words_ = reinterpret_cast<const uint32_t*>(union_bits);
    intermediate_ = intermediate;
    const int words = kExperts * words_per_expert(intermediate);
    share_ = (words + kThreads - 1) / kThreads;
    begin_ = min(static_cast<int>(threadIdx.x) * share_, words);
    end_ = min(begin_ + share_, words);
#pragma unroll
    for (int i = 0; i < kHeld; ++i) held_[i] = begin_ + i < end_ ? __ldcg(words_ + begin_ + i) : 0u;
  }

  // `warp_totals` has kWarps entries in shared memory. Afterwards total() is the size of the union.
  __device__ void scan(int* warp_totals) {
    int count = 0;
#pragma unroll
    for (int i = 0; i < kHeld; ++i) count += __popc(held_[i]);
    for (int w = begin_ + kHeld; w < end_; ++w) count += __popc(__ldcg(words_ + w));

    const int lane = threadIdx.x % 32;
    const int warp = threadIdx.x / 32;
    int inclusive = count;
#pragma unroll
    for (int offset = 1; offset < 32; offset *= 2) {
      const int other = __shfl_up_sync(0xffffffffu, inclusive, offset);
      if (lane >= offset) inclusive += other;
    }
    if (lane == 31) warp_totals[warp] = inclusive;
    __syncthreads();
    int before = 0;
    total_ = 0;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      before += w < warp ? warp_totals[w] : 0;
      total_ += warp_totals[w];
    }
    first_rank_ = before + inclusive - count;
    last_rank_ = first_rank_ + count;
  }

  __device__ int total() const { return total_; }

  // Calls emit(i, neuron) for the neuron of rank start + i * stride for every i in [0, count) that has one. The caller
  // synchronises.
  template <class Emit>
  __device__ void for_each(int start, int stride, int count, Emit emit) const {
    const int skipped = first_rank_ <= start ? 0 : (first_rank_ - start + stride - 1) / stride;
    int index = skipped;
    int wanted = start + skipped * stride;
    if (index >= count || wanted >= last_rank_) return;
    int rank = first_rank_;
#pragma unroll
    for (int i = 0; i < kHeld; ++i) emit_word(held_[i], begin_ + i, rank, wanted, index, stride, count, emit);
    for (int w = begin_ + kHeld; w < end_; ++w) {
      emit_word(__ldcg(words_ + w), w, rank, wanted, index, stride, count, emit);
    }
  }

  // Lets for_range() find any rank: `first_ranks` has kThreads entries in shared memory. The caller synchronises.
  __device__ void publish(int* first_ranks) {
    first_ranks_ = first_ranks;
    first_ranks[threadIdx.x] = first_rank_;
  }

  // Calls emit(rank - begin, neuron) for the neurons of ranks [begin, end), after publish(): thread `thread` of the
  // `threads` that share them, of which not all need come. The caller synchronises.
  template <class Emit>
  __device__ void for_range(int begin, int end, int thread, int threads, Emit emit) const {
    for (int rank = begin + thread; rank < end; rank += threads) {
      // The last thread whose words begin at or before the rank holds it.
      int owner = 0;
#pragma unroll
      for (int step = 512; step > 0; step /= 2) {
        if (owner + step < kThreads && first_ranks_[owner + step] <= rank) owner += step;
      }
      emit(rank - begin, nth_neuron(owner * share_, rank - first_ranks_[owner]));
    }
  }

 private:
  // The neuron before which there are `n` others of the union from `word` on.
  __device__ ActiveNeuron nth_neuron(int word, int n) const {
    const int words = kExperts * words_per_expert(intermediate_);
    // Several words at a time, so that their latencies overlap.
    constexpr int kBatch = 4;
    for (;; word += kBatch) {
      uint32_t bits[kBatch];
#pragma unroll
      for (int i = 0; i < kBatch; ++i) bits[i] = __ldcg(words_ + min(word + i, words - 1));
#pragma unroll
      for (int i = 0; i < kBatch; ++i) {
        const int count = __popc(bits[i]);
        if (n < count) return neuron_of(word + i, nth_bit(bits[i], n));
        n -= count;
      }
    }
  }

  // The place of the set bit before which `n` are set.
  __device__ static int nth_bit(uint32_t bits, int n) {
    int at = 0;
#pragma unroll
    for (int width = 16; width > 0; width /= 2) {
      const int lower = __popc(bits >> at & ((1u << width) - 1));
      if (n >= lower) {
        n -= lower;
        at += width;
      }
    }
    return at;
  }

  template <class Emit>
  __device__ void emit_word(uint32_t bits, int word, int& rank, int& wanted, int& index, int stride, int count,
                            Emit emit) const {
    const int next_rank = rank + __popc(bits);
    for (; wanted < next_rank && index < count; wanted += stride, ++index) {
      for (; rank < wanted; ++rank) bits &= bits - 1;
      emit(index, neuron_of(word, __ffs(bits) - 1));
    }
    rank = next_rank;
  }

  __device__ ActiveNeuron neuron_of(int word, int bit) const {
    const int words = words_per_expert(intermediate_);
    const int expert = kExperts == 1 ? 0 : word / words;
    return {expert * intermediate_ + (word - expert * words) * 32 + bit, expert};
  }

  // Words of a thread's share kept in registers, so that the usual bitmap is read once.
  static constexpr int kHeld = 2;
  const uint32_t* words_;
  uint32_t held_[kHeld];
  const int* first_ranks_ = nullptr;
  int intermediate_, share_, begin_, end_, first_rank_, last_rank_, total_;
};

}  // namespace turbosparse
