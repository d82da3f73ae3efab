// Output of many tokens, or of rows too wide to stream: the union's activations times their down rows.
//
// Columns are on the M side, tokens on the N side and neurons on the K side of mma.m16n8k16. Both operands lie in
// memory with the neuron as the slow dimension, so ldmatrix transposes them. A block owns kColumns columns and a
// contiguous share of the union, which producer warps copy into a ring; the shares' partial outputs are summed by the
// reduce kernel in a fixed order. Which neurons there are is known before their activations: the first down rows are
// sent for before the kernel that computes those has ended.
#pragma once

#include "turbosparse/bulk_ring.cuh"
#include "turbosparse/launch.cuh"
#include "turbosparse/row_gemm_shape.cuh"

namespace turbosparse {

// Neurons that the producers list at once, while those listed before are still on their way.
inline constexpr int kDownListCapacity = 512;
// Of a mixture: half as many, and while one list is sent the next one's rows are on their way to L2. The union of a
// single FFN has too few lists for that to pay.
inline constexpr int kDownListAhead = 256;

template <class C>
struct UnionDownShape {
  static constexpr int kComputeThreads = C::kWarps * 32;
  static constexpr int kProducerThreads = C::kProducers * 32;
  static constexpr int kThreads = kComputeThreads + kProducerThreads;
  static constexpr int kColumnGroups = C::kHidden / C::kColumns;
  static constexpr int kColumnTiles = C::kColumns / C::kWarps / 16;  // 16-column tiles a warp
  static constexpr bool kWarpgroups = C::kMatrixOp == MatrixOp::wgmma;
  static constexpr int kTokenTiles = C::kTokens / 8;
  static constexpr int kRowVectors = C::kColumns / 8;
  static constexpr int kRowStep = kProducerThreads / kRowVectors;
  // Rows are padded by 16 bytes, so that the eight rows of an ldmatrix lie in different banks; panels for wgmma are
  // swizzled instead.
  static constexpr int kWeightStride = (C::kColumns + (kWarpgroups ? 0 : 8)) * 2;
  static constexpr bool kListsAhead = C::kExperts > 1;
  static constexpr int kListed = kListsAhead ? kDownListAhead : kDownListCapacity;
  static constexpr int kWeightBytes = C::kChunk * kWeightStride;
  static constexpr int kSlotBytes = kWeightBytes + C::kChunk * C::kTokens * 2;
  static constexpr int kSharedBytes = C::kStages * (kSlotBytes + 16) + 4 * (kDownListCapacity + kThreads) + 256;
  // Steps of 16 neurons whose operands are loaded together, so that their latencies overlap.
  static constexpr int kWantedBatch = C::kTokens <= 16 ? 4 : C::kTokens == 32 ? 2 : 1;
  static constexpr int kBatch = kWantedBatch * 16 <= C::kChunk ? kWantedBatch : C::kChunk / 16;

  static_assert(C::kHidden % C::kColumns == 0, "columns must divide hidden");
  static_assert(C::kColumns % (16 * C::kWarps) == 0, "columns must be a multiple of 16 a warp");
  static_assert(kProducerThreads % kRowVectors == 0 && C::kChunk % kRowStep == 0, "producers must cover whole rows");
  static_assert(kDownListCapacity == 2 * kDownListAhead && kDownListAhead % C::kChunk == 0,
                "a slot's neurons are of one list");
  static_assert(!kWarpgroups || (C::kWarps % 4 == 0 && C::kChunk % 16 == 0 && kSlotBytes % kPanelAlignment == 0),
                "panels of whole steps");
  static_assert(C::kChunk % (16 * kBatch) == 0 && C::kTokens % 8 == 0 && C::kStages >= 2, "illegal tile");
};

// A producer thread copies 16 bytes of every kRowStep-th down row of each slot, and some of the activations.
template <class C>
class DownProducer {
 public:
  using Shape = UnionDownShape<C>;
  using Element = typename C::Element;

  __device__ DownProducer(const UnionDownArgs& args, unsigned char* slots, uint64_t* full, int group)
      : activations_(static_cast<const Element*>(args.activations)),
        slots_(slots),
        full_(full),
        policy_(evict_first_policy()),
        thread_(static_cast<int>(threadIdx.x) - Shape::kComputeThreads) {
    down_ = static_cast<const Element*>(args.weights) + 2 * C::kHidden;
    column_ = group * C::kColumns + thread_ % Shape::kRowVectors * 8;
  }

  // Asks for a whole row: DRAM is slow with the parts of its pages that the column groups read at different times.
  __device__ void prefetch(int row) const { prefetch_bulk(down_row(row), C::kHidden * 2); }

  // Of the `neurons` neurons from `rows` on.
  __device__ void send_weights(int slot, const int* rows, int neurons) const {
    constexpr int kCopies = C::kChunk / Shape::kRowStep;
    const int mine = thread_ / Shape::kRowVectors;
    const uint32_t target = shared_address(slots_ + slot * Shape::kSlotBytes);
    const int vector = thread_ % Shape::kRowVectors;
    int row[kCopies];
#pragma unroll
    for (int j = 0; j < kCopies; ++j) row[j] = rows[min(mine + j * Shape::kRowStep, neurons - 1)];
#pragma unroll
    for (int j = 0; j < kCopies; ++j) {
      const int i = mine + j * Shape::kRowStep;
      const Element* source = down_row(row[j]) + column_;
      if constexpr (Shape::kWarpgroups) {
        // Zeros fill the last slot.
        constexpr int kPanelVectors = kPanelBytes / 16;
        const uint32_t panel = target + vector / kPanelVectors * (C::kChunk * kPanelBytes);
        copy_async_16_or_zeros(panel + panel_offset(i, vector % kPanelVectors), source, policy_, i < neurons);
      } else {
        if (i < neurons) copy_async_16(target + i * Shape::kWeightStride + vector * 16, source, policy_);
      }
    }
  }

  // Also hands the slot over once all is there. `rank` is that of the slot's first neuron in the union.
  __device__ void send_activations(int slot, int rank, int neurons) const {
    const Element* source = activations_ + static_cast<int64_t>(rank) * C::kTokens;
    const uint32_t target = shared_address(slots_ + slot * Shape::kSlotBytes + Shape::kWeightBytes);
#pragma unroll 4
    for (int i = thread_; i < neurons * Shape::kTokenTiles; i += Shape::kProducerThreads) {
      copy_async_16(target + i * 16, source + i * 8);
    }
    if constexpr (Shape::kWarpgroups) {
      constexpr int kPieces = C::kChunk * Shape::kTokenTiles;
      for (int i = neurons * Shape::kTokenTiles + thread_; i < kPieces; i += Shape::kProducerThreads) {
        copy_async_16_or_zeros(target + i * 16, source, policy_, false);
      }
    }
    mbarrier_arrive_after_copies(&full_[slot]);
  }

 private:
  __device__ const Element* down_row(int row) const {
    return down_ + static_cast<uint64_t>(static_cast<uint32_t>(row)) * (3 * C::kHidden);
  }

  const Element* activations_;
  const Element* down_;
  unsigned char* slots_;
  uint64_t* full_;
  uint64_t policy_;
  int thread_;
  int column_;
};

// A computing warp's columns of all tokens' outputs.
template <class C>
struct DownWarp {
  using Shape = UnionDownShape<C>;
  using Element = typename C::Element;
  float sums[Shape::kColumnTiles][Shape::kTokenTiles][4] = {};
  const int warp = warp_uniform(threadIdx.x / 32);
  const int lane = threadIdx.x % 32;

  // Adds the `neurons` neurons of a slot.
  __device__ void multiply(const unsigned char* slot, int neurons) {
    if constexpr (Shape::kWarpgroups) {
      multiply_panels(slot);
    } else {
      multiply_rows(slot, neurons);
    }
  }

  // Writes the block's columns, [tokens, hidden].
  __device__ void write(float* partial, int group, int tokens) const {
#pragma unroll
    for (int m = 0; m < Shape::kColumnTiles; ++m) {
#pragma unroll
      for (int t = 0; t < Shape::kTokenTiles; ++t) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int column = group * C::kColumns + first_column(m) + lane / 4 + i / 2 * 8;
          const int token = t * 8 + lane % 4 * 2 + i % 2;
          if (token < tokens) partial[static_cast<int64_t>(token) * C::kHidden + column] = sums[m][t][i];
        }
      }
    }
  }

 private:
  // Of a tile of 16: four warps have those of a tile of 64 of their warpgroup.
  __device__ int first_column(int m) const {
    if constexpr (Shape::kWarpgroups) {
      return (warp / 4 * Shape::kColumnTiles + m) * kWarpgroupRows + warp % 4 * 16;
    } else {
      return (warp * Shape::kColumnTiles + m) * 16;
    }
  }

  // The last slot is filled with zeros.
  __device__ void multiply_panels(const unsigned char* slot) {
    constexpr int kPanel = C::kChunk * kPanelBytes;
    constexpr int kTokenBytes = C::kTokens * 2;
    const uint32_t weights = shared_address(slot);
    const uint32_t columns = weights + warp / 4 * Shape::kColumnTiles * kPanel;
    const uint32_t activations = weights + Shape::kWeightBytes;
    wgmma_operands_ready();
    wgmma_begin<Shape::kTokenTiles>(sums);
#pragma unroll
    for (int k = 0; k < C::kChunk; k += 16) {
      const uint64_t b = panel_descriptor<kTokenBytes>(activations + k * kTokenBytes);
#pragma unroll
      for (int m = 0; m < Shape::kColumnTiles; ++m) {
        const uint64_t a = panel_descriptor<kPanelBytes>(columns + m * kPanel + k * kPanelBytes);
        warpgroup_multiply_accumulate<Element, true, Shape::kTokenTiles>(sums[m], a, b);
      }
    }
    wgmma_commit();
    wgmma_wait<Shape::kTokenTiles>(sums);
  }

  __device__ void multiply_rows(const unsigned char* slot, int neurons) {
    const uint32_t weights = shared_address(slot);
    const uint32_t activations = weights + Shape::kWeightBytes;
#pragma unroll
    for (int first = 0; first < C::kChunk; first += 16 * Shape::kBatch) {
      if (first >= neurons) break;
      uint32_t a[Shape::kBatch][Shape::kColumnTiles][4];
      uint32_t b[Shape::kBatch][Shape::kTokenTiles][2];
#pragma unroll
      for (int s = 0; s < Shape::kBatch; ++s) {
        const int k = first + s * 16;
        load_activations(b[s], activations, k);
#pragma unroll
        for (int m = 0; m < Shape::kColumnTiles; ++m) {
          // The four 8x8 matrices of A, [columns, neurons]: lanes 8-15 and 24-31 address the upper eight columns.
          const int column = first_column(m) + lane / 8 % 2 * 8;
          const int neuron = k + lane / 16 * 8 + lane % 8;
          load_matrix_x4_transposed(a[s][m], weights + neuron * Shape::kWeightStride + column * 2);
        }
        if (neurons < C::kChunk) cut(a[s], b[s], neurons - k);
      }
#pragma unroll
      for (int s = 0; s < Shape::kBatch; ++s) {
#pragma unroll
        for (int m = 0; m < Shape::kColumnTiles; ++m) {
#pragma unroll
          for (int t = 0; t < Shape::kTokenTiles; ++t) multiply_accumulate<Element>(sums[m][t], a[s][m], b[s][t]);
        }
      }
    }
  }

  __device__ void load_activations(uint32_t (&b)[Shape::kTokenTiles][2], uint32_t activations, int k) const {
    const int row = k + lane % 16;
    if constexpr (Shape::kTokenTiles == 1) {
      load_matrix_x2_transposed(b[0], activations + row * 16);
    } else {
#pragma unroll
      for (int n = 0; n < Shape::kTokenTiles; n += 2) {
        const auto at = activation_index<C::kTokens>(row, n + lane / 16);
        uint32_t both[4];
        load_matrix_x4_transposed(both, activations + static_cast<uint32_t>(at) * 2);
        b[n][0] = both[0];
        b[n][1] = both[1];
        b[n + 1][0] = both[2];
        b[n + 1][1] = both[3];
      }
    }
  }

  // Zeroes what lies past the last neuron: slots are stale there, and 0 * NaN would spoil the sum. A lane holds neurons
  // 2 * (lane % 4) and the next of a step, and those 8 further on.
  __device__ void cut(uint32_t (&a)[Shape::kColumnTiles][4], uint32_t (&b)[Shape::kTokenTiles][2], int neurons) const {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int neuron = h * 8 + lane % 4 * 2;
      const uint32_t keep = neuron + 1 < neurons ? 0xffffffffu : neuron < neurons ? 0x0000ffffu : 0u;
#pragma unroll
      for (int t = 0; t < Shape::kTokenTiles; ++t) b[t][h] &= keep;
#pragma unroll
      for (int m = 0; m < Shape::kColumnTiles; ++m) {
        a[m][2 * h] &= keep;
        a[m][2 * h + 1] &= keep;
      }
    }
  }
};

template <class C>
__global__ void __launch_bounds__(UnionDownShape<C>::kThreads, 1)
    union_down_kernel(const __grid_constant__ UnionDownArgs args) {
  using Shape = UnionDownShape<C>;
  extern __shared__ __align__(kPanelAlignment) unsigned char shared[];
  auto* full = reinterpret_cast<uint64_t*>(shared + C::kStages * Shape::kSlotBytes);
  uint64_t* empty = full + C::kStages;
  auto* rows = reinterpret_cast<int*>(empty + C::kStages);
  int* first_ranks = rows + kDownListCapacity;
  int* warp_totals = first_ranks + Shape::kThreads;
  const int group = blockIdx.x % Shape::kColumnGroups;
  const int split = blockIdx.x / Shape::kColumnGroups;
  const int splits = gridDim.x / Shape::kColumnGroups;

  if (threadIdx.x == 0) {
    for (int s = 0; s < C::kStages; ++s) {
      mbarrier_init(&full[s], Shape::kProducerThreads);
      mbarrier_init(&empty[s], Shape::kComputeThreads);
    }
    mbarrier_init_fence();
  }
  // The kernel before lets this one start only once the union is complete.
  ActiveList<Shape::kThreads, C::kExperts> list(args.union_bits, args.intermediate);
  list.scan(warp_totals);
  list.publish(first_ranks);
  __syncthreads();
  // The activations' swizzle repeats every eight neurons: slots begin where it does.
  const auto share_begin = [&](int i) {
    return i == splits ? list.total() : static_cast<int>(static_cast<int64_t>(list.total()) * i / splits) / 8 * 8;
  };
  const int begin = warp_uniform(share_begin(split));
  const int end = warp_uniform(share_begin(split + 1));

  if (threadIdx.x >= Shape::kComputeThreads) {
    const DownProducer<C> producer(args, shared, full, group);
    RingPosition at;
    int early = C::kStages;  // slots that are filled before the activations are there
    const auto list_from = [&](int first) {
      return rows + (Shape::kListsAhead ? (first - begin) / Shape::kListed % 2 * Shape::kListed : 0);
    };
    const auto write_list = [&](int first) {
      list.for_range(first, min(end, first + Shape::kListed), threadIdx.x - Shape::kComputeThreads,
                     Shape::kProducerThreads, [&](int i, const ActiveNeuron& neuron) {
                       list_from(first)[i] = neuron.row;
                       // The column groups share the asking.
                       if (Shape::kListsAhead && i % Shape::kColumnGroups == group) producer.prefetch(neuron.row);
                     });
      __syncwarp();  // threads find their neurons after different numbers of steps; a barrier takes whole warps
    };
    write_list(begin);
    for (int first = begin; first < end; first += Shape::kListed) {
      named_barrier(1, Shape::kProducerThreads);  // the list is complete, and the one before may be written again
      const int* listed = list_from(first);
      const int count = min(end - first, Shape::kListed);
      if (first == begin) {
        early = min(early, (count + C::kChunk - 1) / C::kChunk);
        for (int s = 0; s < early; ++s) {
          producer.send_weights(s, listed + s * C::kChunk, min(count - s * C::kChunk, C::kChunk));
        }
      }
      if constexpr (Shape::kListsAhead) write_list(first + Shape::kListed);
      if (first == begin) {
        wait_for_prerequisites();
        dependents_may_launch();
      }
      for (int chunk = 0; chunk < count; chunk += C::kChunk) {
        const int neurons = min(count - chunk, C::kChunk);
        if (early > 0) {
          --early;
        } else {
          mbarrier_wait(&empty[at.slot], at.parity ^ 1);
          producer.send_weights(at.slot, listed + chunk, neurons);
        }
        producer.send_activations(at.slot, first + chunk, neurons);
        at.advance(C::kStages);
      }
      if constexpr (!Shape::kListsAhead) {
        named_barrier(1, Shape::kProducerThreads);
        write_list(first + Shape::kListed);
      }
    }
    // Also where there was nothing to do: the end of this kernel implies the end of all before it.
    wait_for_prerequisites();
    return;
  }

  DownWarp<C> mine;
  RingPosition at;
  for (int first = begin; first < end; first += C::kChunk) {
    mbarrier_wait(&full[at.slot], at.parity);
    mine.multiply(shared + at.slot * Shape::kSlotBytes, min(end - first, C::kChunk));
    mbarrier_arrive(&empty[at.slot]);
    at.advance(C::kStages);
  }
  // The partial outputs before may still be read where there was nothing to wait for.
  wait_for_prerequisites();
  mine.write(args.partials + static_cast<int64_t>(split) * args.tokens * C::kHidden, group, args.tokens);
}

template <class C>
Status launch_union_down(const UnionDownArgs& args, cudaStream_t stream) {
  using Shape = UnionDownShape<C>;
  static std::atomic<uint64_t> configured{0};
  int multiprocessors = 0;
  const auto kernel = &union_down_kernel<C>;
  if (Status status = prepare(kernel, Shape::kSharedBytes, &configured, &multiprocessors); !status.ok()) return status;
  *args.parts = max(1, min(multiprocessors / Shape::kColumnGroups, args.max_parts));
  return launch(kernel, args, *args.parts * Shape::kColumnGroups, Shape::kThreads, Shape::kSharedBytes, stream);
}

}  // namespace turbosparse
