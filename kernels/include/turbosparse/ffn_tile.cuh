// FFN or MoE of up to 8 tokens over the neurons of an active set, on tensor cores.
//
// A persistent block takes its share of the union in tiles of 16 weight rows: gate and up rows of 8 neurons, or up rows
// of 16 where the gates are given. A tile streams through a ring in shared memory, first the rows in chunks of their
// length, then the down rows in chunks of columns. Rows are on the M side of mma and tokens on the N side; the warps
// share the row length and meet once a tile to add their dot products, which each then turns into the activations it
// needs. For the down rows columns are on the M side and neurons on the K side, and a warp keeps its columns of all
// tokens' outputs in registers. A reduce kernel sums the blocks' partial outputs in a fixed order.
#pragma once

#include "turbosparse/active_list.cuh"
#include "turbosparse/args.h"
#include "turbosparse/bulk_ring.cuh"
#include "turbosparse/launch.cuh"
#include "turbosparse/routing.cuh"

namespace turbosparse {

template <class C>
struct FfnTileShape {
  static constexpr int kComputeThreads = C::kWarps * 32;
  // Bulk: one more warpgroup, of which one warp sends for rows, so that no computing warp spends its time on that. It
  // gives most of its registers to the others.
  static constexpr int kThreads = kComputeThreads + (C::kPipe == Pipe::bulk ? 128 : 0);
  static constexpr int kProducerRegisters = 40;
  static constexpr int kComputeRegisters = 232;
  static constexpr int kTokens = 8;
  static constexpr int kDots = C::kRows - 1;   // rows of a neuron that meet x: gate and up, or up
  static constexpr int kNeurons = 16 / kDots;  // of a tile
  static constexpr int kUpSteps = C::kHidden / C::kChunk;
  static constexpr int kDownSteps = C::kHidden / C::kColumns;
  static constexpr int kSteps = kUpSteps + kDownSteps;               // ring slots a tile passes through
  static constexpr int kColumnTiles = C::kColumns / C::kWarps / 16;  // of a warp in one step
  // Rows are padded by 16 bytes, so that the eight rows of an ldmatrix lie in different banks.
  static constexpr int kUpStride = C::kChunk + 8;
  static constexpr int kDownStride = C::kColumns + 8;
  static constexpr int kInputStride = C::kHidden + 8;
  static constexpr int kSlotElements = 16 * kUpStride > kNeurons* kDownStride ? 16 * kUpStride : kNeurons * kDownStride;

  static constexpr int kRingBytes = C::kStages * kSlotElements * 2;
  static constexpr int kInputBytes = kTokens * kInputStride * 2;
  static constexpr int kSumsBytes = 2 * C::kWarps * 16 * kTokens * 4;  // of the current tile and the one before
  static constexpr int kBarrierBytes = 16 * C::kStages + 8;            // a full and an empty slot's, and the block's
  static constexpr int kListBytes = 8 * kListCapacity;
  static constexpr int kSharedBytes =
      kRingBytes + kInputBytes + kSumsBytes + kBarrierBytes + kListBytes + 4 * kTokens * C::kExperts + 248;

  static_assert(C::kHidden % C::kChunk == 0 && C::kChunk % (16 * C::kWarps) == 0, "chunk must divide hidden");
  static_assert(C::kHidden % C::kColumns == 0 && C::kColumns % (16 * C::kWarps) == 0, "columns must divide hidden");
  static_assert(C::kRows == 2 || C::kRows == 3, "a neuron is read as 2 or 3 rows");
  static_assert(C::kPipe == Pipe::async ||
                    (C::kWarps % 4 == 0 && 128 * kProducerRegisters + kComputeThreads * kComputeRegisters <= 65536),
                "the registers of a multiprocessor must do for all warpgroups");
  static_assert(C::kStages >= 2 && kListCapacity % kNeurons == 0, "illegal ring");
};

struct TileItem {
  int32_t row;
  // Expert in the upper half, token bits in the lower.
  uint32_t expert_and_tokens;
};

// d += a * b with a 16x8 row-major and b 8x8 column-major.
template <class Element>
__device__ __forceinline__ void multiply_accumulate_k8(float (&d)[4], uint32_t a0, uint32_t a1, uint32_t b) {
  if constexpr (std::is_same_v<Element, __nv_bfloat16>) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a0), "r"(a1), "r"(b));
  } else {
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a0), "r"(a1), "r"(b));
  }
}

// Moves registers from one warpgroup to others; all warps of a group take part (sm_90a).
template <int kRegisters>
__device__ __forceinline__ void release_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}
template <int kRegisters>
__device__ __forceinline__ void claim_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

template <class Element>
__device__ __forceinline__ uint32_t pack2(float low, float high) {
  const Element pair[2] = {from_float<Element>(low), from_float<Element>(high)};
  return *reinterpret_cast<const uint32_t*>(pair);
}

// The slots of rows of a block, filled in the order of steps and handed over step by step.
template <class C>
class TileRing {
 public:
  using Shape = FfnTileShape<C>;
  using Element = typename C::Element;

  __device__ TileRing(Element* slots, uint64_t* barriers, const Element* weights, const TileItem* items)
      : slots_(slots), full_(barriers), empty_(barriers + C::kStages), weights_(weights), items_(items) {
    if constexpr (C::kPipe == Pipe::bulk) {
      if (threadIdx.x == 0) {
        for (int s = 0; s < C::kStages; ++s) {
          mbarrier_init(&full_[s], 1);
          mbarrier_init(&empty_[s], Shape::kComputeThreads);
        }
        BlockBarrier::init(barriers + 2 * C::kStages);
        mbarrier_init_fence();
      }
    }
  }

  // When the list of `count` neurons is complete: steps count on from the list before. Async: the first copies start.
  __device__ void start(int count) {
    count_ = count;
    first_ = step_;
    if constexpr (C::kPipe == Pipe::async) {
      for (int i = 0; i < C::kStages - 1; ++i) copy_async(step_ + i);
    }
  }

  // Bulk, the producer warp: sends for all rows of the list, a lane a row, as slots become free.
  __device__ void produce() {
    const int lane = threadIdx.x % 32;
    const uint64_t policy = evict_first_policy();
    const int tiles = (count_ + Shape::kNeurons - 1) / Shape::kNeurons;
    for (int tile = 0; tile < tiles; ++tile) {
      const int neurons = min(count_ - tile * Shape::kNeurons, Shape::kNeurons);
      // Lanes beyond the last neuron send for nothing; their slots' rows stay stale.
      const int neuron = lane % Shape::kNeurons;
      const bool exists = neuron < neurons;
      const Element* row =
          weights_ + (exists ? static_cast<int64_t>(items_[tile * Shape::kNeurons + neuron].row) * 3 * C::kHidden : 0);
      const int kind = lane / Shape::kNeurons;
      for (int up = 0; up < Shape::kUpSteps; ++up) {
        send(exists && kind < Shape::kDots, Shape::kDots * neurons, C::kChunk, lane * Shape::kUpStride,
             row + (3 - C::kRows + kind) * C::kHidden + up * C::kChunk, policy);
      }
      for (int down = 0; down < Shape::kDownSteps; ++down) {
        send(exists && kind == 0, neurons, C::kColumns, lane * Shape::kDownStride,
             row + 2 * C::kHidden + down * C::kColumns, policy);
      }
    }
  }

  // Until the current step's slot is readable; returns it.
  __device__ const Element* wait() {
    if constexpr (C::kPipe == Pipe::bulk) {
      mbarrier_wait(&full_[step_ % C::kStages], step_ / C::kStages & 1);
    } else {
      copy_async_wait<C::kStages - 2>();
      __syncthreads();
      copy_async(step_ + C::kStages - 1);
    }
    return slots_ + step_ % C::kStages * Shape::kSlotElements;
  }

  // The thread has read the current slot.
  __device__ void advance() {
    if constexpr (C::kPipe == Pipe::bulk) mbarrier_arrive(&empty_[step_ % C::kStages]);
    ++step_;
  }

 private:
  __device__ void send(bool mine, int rows, int elements, int at, const Element* source, uint64_t policy) {
    const int slot = step_ % C::kStages;
    mbarrier_wait(&empty_[slot], (step_ / C::kStages & 1) ^ 1);
    if (threadIdx.x % 32 == 0) mbarrier_arrive_expect(&full_[slot], rows * elements * 2);
    __syncwarp();
    if (mine) copy_bulk(slots_ + slot * Shape::kSlotElements + at, source, elements * 2, &full_[slot], policy);
    ++step_;
  }

  __device__ void copy_async(int step) {
    const int tile = (step - first_) / Shape::kSteps;
    const int within = (step - first_) % Shape::kSteps;
    const int neurons = min(count_ - tile * Shape::kNeurons, Shape::kNeurons);
    if (neurons > 0) {
      const bool down = within >= Shape::kUpSteps;
      const int vectors = (down ? C::kColumns : C::kChunk) / 8;
      const int offset = down ? (within - Shape::kUpSteps) * C::kColumns : within * C::kChunk;
      Element* slot = slots_ + step % C::kStages * Shape::kSlotElements;
      for (int i = threadIdx.x; i < (down ? 1 : Shape::kDots) * Shape::kNeurons * vectors; i += Shape::kThreads) {
        const int row = i / vectors;
        const int neuron = row % Shape::kNeurons;
        const int kind = down ? 2 : 3 - C::kRows + row / Shape::kNeurons;
        if (neuron >= neurons) continue;
        const Element* source =
            weights_ + (static_cast<int64_t>(items_[tile * Shape::kNeurons + neuron].row) * 3 + kind) * C::kHidden;
        copy_async_16(slot + row * (down ? Shape::kDownStride : Shape::kUpStride) + i % vectors * 8,
                      source + offset + i % vectors * 8, true);
      }
    }
    copy_async_commit();
  }

  Element* slots_;
  uint64_t* full_;
  uint64_t* empty_;
  const Element* weights_;
  const TileItem* items_;
  int count_ = 0;
  int first_ = 0;
  int step_ = 0;
};

// What one warp does with a tile.
template <class C>
struct FfnTileWarp {
  using Shape = FfnTileShape<C>;
  using Element = typename C::Element;
  // Outputs: columns on the M side of each 16x8 accumulator, tokens on the N side.
  float y[Shape::kDownSteps][Shape::kColumnTiles][4];
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;

  __device__ FfnTileWarp() {
#pragma unroll
    for (int d = 0; d < Shape::kDownSteps; ++d) {
#pragma unroll
      for (int m = 0; m < Shape::kColumnTiles; ++m) {
#pragma unroll
        for (int i = 0; i < 4; ++i) y[d][m][i] = 0.0f;
      }
    }
  }

  // The warp's part of the 16 rows' dot products with the tokens, written to `sums` [16, kTokens].
  __device__ void dot_products(TileRing<C>& ring, const Element* x, float* sums) const {
    constexpr int kShare = C::kChunk / C::kWarps;
    float d[2][4] = {};
    for (int step = 0; step < Shape::kUpSteps; ++step) {
      const Element* rows = ring.wait();
#pragma unroll
      for (int k = 0; k < kShare; k += 16) {
        const int at = warp * kShare + k;
        uint32_t a[4];
        uint32_t b[2];
        load_matrix_x4(a, shared_address(rows + lane % 16 * Shape::kUpStride + at + lane / 16 * 8));
        load_matrix_x2(b,
                       shared_address(x + lane % 8 * Shape::kInputStride + step * C::kChunk + at + lane / 8 % 2 * 8));
        multiply_accumulate<Element>(d[k / 16 % 2], a, b);
      }
      ring.advance();
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      sums[(lane / 4 + i / 2 * 8) * Shape::kTokens + lane % 4 * 2 + i % 2] = d[0][i] + d[1][i];
    }
  }

  // Adds the tile's down rows, scaled by the activations `b` of the tile's first `neurons` neurons.
  __device__ void accumulate(TileRing<C>& ring, const uint32_t (&b)[Shape::kNeurons / 8], int neurons) {
    // A lane holds neurons 2 * (lane % 4) and the next, and those 8 further on. Slots past the end hold stale rows,
    // and 0 * NaN would spoil the sum.
    uint32_t keep[Shape::kNeurons / 8];
#pragma unroll
    for (int h = 0; h < Shape::kNeurons / 8; ++h) {
      const int neuron = h * 8 + lane % 4 * 2;
      keep[h] = neuron + 1 < neurons ? 0xffffffffu : neuron < neurons ? 0x0000ffffu : 0u;
    }
#pragma unroll
    for (int step = 0; step < Shape::kDownSteps; ++step) {
      const Element* rows = ring.wait();
#pragma unroll
      for (int m = 0; m < Shape::kColumnTiles; ++m) {
        const int column = (warp * Shape::kColumnTiles + m) * 16 + lane / 8 % 2 * 8;
        if constexpr (Shape::kNeurons == 16) {
          uint32_t a[4];
          const int neuron = lane / 16 * 8 + lane % 8;
          load_matrix_x4_transposed(a, shared_address(rows + neuron * Shape::kDownStride + column));
          a[0] &= keep[0];
          a[1] &= keep[0];
          a[2] &= keep[1];
          a[3] &= keep[1];
          multiply_accumulate<Element>(y[step][m], a, b);
        } else {
          uint32_t a[2];
          load_matrix_x2_transposed(a, shared_address(rows + lane % 8 * Shape::kDownStride + column));
          multiply_accumulate_k8<Element>(y[step][m], a[0] & keep[0], a[1] & keep[0], b[0]);
        }
      }
      ring.advance();
    }
  }

  // Writes the warp's columns of the outputs, [tokens, hidden].
  __device__ void write(float* partial, int tokens) const {
#pragma unroll
    for (int d = 0; d < Shape::kDownSteps; ++d) {
#pragma unroll
      for (int m = 0; m < Shape::kColumnTiles; ++m) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int token = lane % 4 * 2 + i % 2;
          const int column = d * C::kColumns + (warp * Shape::kColumnTiles + m) * 16 + lane / 4 + i / 2 * 8;
          if (token < tokens) partial[token * C::kHidden + column] = y[d][m][i];
        }
      }
    }
  }
};

// The activation of `neuron` of the tile for `token`: the warps' dot products added in order, gated, cut by the mask
// and scaled by the routing.
template <class C>
__device__ float tile_activation(const FfnStreamArgs& args, const TileItem* items, int neurons, int neuron, int token,
                                 const float* sums, const float* routing_weights) {
  using Shape = FfnTileShape<C>;
  if (neuron >= neurons || (items[neuron].expert_and_tokens >> token & 1) == 0) return 0.0f;
  float dots[Shape::kDots];
#pragma unroll
  for (int r = 0; r < Shape::kDots; ++r) {
    dots[r] = 0.0f;
#pragma unroll
    for (int w = 0; w < C::kWarps; ++w) {
      dots[r] += sums[(w * 16 + r * Shape::kNeurons + neuron) * Shape::kTokens + token];
    }
  }
  float gate = dots[0];
  if constexpr (C::kRows == 2) {
    gate = __ldcg(args.gate_values + static_cast<int64_t>(items[neuron].row) * args.tokens + token);
  }
  float value = combine<C::kActivation>(gate, dots[Shape::kDots - 1], args.gate_threshold);
  if constexpr (C::kExperts > 1) {
    value *= routing_weights[token * C::kExperts + (items[neuron].expert_and_tokens >> 16)];
  }
  return value;
}

// The tokens in shared memory, [kTokens, kInputStride], by the computing threads; absent tokens are zero.
template <class C>
__device__ void load_tile_inputs(typename C::Element* x, const FfnStreamArgs& args) {
  using Shape = FfnTileShape<C>;
  constexpr int kVectors = C::kHidden / 8;
  for (int i = threadIdx.x; i < Shape::kTokens * kVectors; i += Shape::kComputeThreads) {
    const int token = i / kVectors;
    uint4 value = make_uint4(0, 0, 0, 0);
    if (token < args.tokens) value = __ldcg(static_cast<const uint4*>(args.x) + i);
    *reinterpret_cast<uint4*>(x + token * Shape::kInputStride + i % kVectors * 8) = value;
  }
}

template <class C>
__global__ void __launch_bounds__(FfnTileShape<C>::kThreads, 1)
    ffn_tile_kernel(const __grid_constant__ FfnStreamArgs args) {
  using Shape = FfnTileShape<C>;
  using Element = typename C::Element;
  extern __shared__ __align__(128) unsigned char shared[];
  auto* slots = reinterpret_cast<Element*>(shared);
  auto* x = reinterpret_cast<Element*>(shared + Shape::kRingBytes);
  auto* sums = reinterpret_cast<float*>(shared + Shape::kRingBytes + Shape::kInputBytes);
  auto* barriers = reinterpret_cast<uint64_t*>(reinterpret_cast<unsigned char*>(sums) + Shape::kSumsBytes);
  auto* items = reinterpret_cast<TileItem*>(barriers + 2 * C::kStages + 1);
  auto* routing_weights = reinterpret_cast<float*>(items + kListCapacity);
  auto* warp_totals = reinterpret_cast<int*>(routing_weights + Shape::kTokens * C::kExperts);

  TileRing<C> ring(slots, barriers, static_cast<const Element*>(args.weights), items);
  dependents_may_launch();
  wait_for_prerequisites();

  ActiveList<Shape::kThreads, C::kExperts> list(args.union_bits, args.intermediate);
  list.scan(warp_totals);
  const int total = max(0, (list.total() - static_cast<int>(blockIdx.x) + static_cast<int>(gridDim.x) - 1)) /
                    static_cast<int>(gridDim.x);
  BlockBarrier block(barriers + 2 * C::kStages);
  const auto meet = [&] {
    // The producer and the computing warps come from different branches.
    if constexpr (C::kPipe == Pipe::bulk) {
      block.arrive_and_wait();
    } else {
      __syncthreads();
    }
  };
  const auto list_pass = [&](int base) {
    const int count = min(total - base, kListCapacity);
    list.for_each(blockIdx.x + base * gridDim.x, gridDim.x, count, [&](int i, const ActiveNeuron& neuron) {
      const auto tokens = static_cast<uint32_t>(__ldcg(args.token_bits + neuron.row)) & 0xff;
      items[i] = {neuron.row, static_cast<uint32_t>(neuron.expert) << 16 | tokens};
    });
    meet();
    ring.start(count);
    return count;
  };

  if constexpr (C::kPipe == Pipe::bulk) {
    if (threadIdx.x >= Shape::kComputeThreads) {
      release_registers<Shape::kProducerRegisters>();
      for (int base = 0; base < total; base += kListCapacity) {
        list_pass(base);
        if (threadIdx.x < Shape::kComputeThreads + 32) ring.produce();
        meet();
      }
      return;
    }
    claim_registers<Shape::kComputeRegisters>();
  }

  FfnTileWarp<C> mine;
  int tile_count = 0;
  for (int base = 0; base < total; base += kListCapacity) {
    const int count = list_pass(base);
    if (base == 0) {
      // Only now, while the first rows are on their way.
      load_tile_inputs<C>(x, args);
      if constexpr (C::kExperts > 1) {
        load_routing_weights<Shape::kTokens, C::kExperts>(routing_weights, args.routing, args.tokens);
      }
      named_barrier(1, Shape::kComputeThreads);
    }
    for (int first = 0; first < count; first += Shape::kNeurons, ++tile_count) {
      const int neurons = min(count - first, Shape::kNeurons);
      // The sums before are still read by warps that lag behind, the ones before those are not.
      float* tile_sums = sums + tile_count % 2 * (C::kWarps * 16 * Shape::kTokens);
      mine.dot_products(ring, x, tile_sums + mine.warp * 16 * Shape::kTokens);
      named_barrier(1, Shape::kComputeThreads);
      uint32_t b[Shape::kNeurons / 8];
#pragma unroll
      for (int h = 0; h < Shape::kNeurons / 8; ++h) {
        float values[2];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          values[i] = tile_activation<C>(args, items + first, neurons, h * 8 + mine.lane % 4 * 2 + i, mine.lane / 4,
                                         tile_sums, routing_weights);
        }
        b[h] = pack2<Element>(values[0], values[1]);
      }
      mine.accumulate(ring, b, neurons);
    }
    meet();  // the list may be written again
  }
  mine.write(args.partials + static_cast<int64_t>(blockIdx.x) * args.tokens * C::kHidden, args.tokens);
}

template <class C>
Status launch_ffn_tile(const FfnStreamArgs& args, cudaStream_t stream) {
  using Shape = FfnTileShape<C>;
  static std::atomic<uint64_t> configured{0};
  int device = 0;
  int multiprocessors = 0;
  if (Status status = current_device(&device, &multiprocessors); !status.ok()) return status;
  const auto kernel = &ffn_tile_kernel<C>;
  if (Status status = configure(kernel, Shape::kSharedBytes, device, &configured); !status.ok()) return status;
  *args.parts = min(multiprocessors, args.max_parts);
  return launch(kernel, args, *args.parts, Shape::kThreads, Shape::kSharedBytes, stream);
}

}  // namespace turbosparse
