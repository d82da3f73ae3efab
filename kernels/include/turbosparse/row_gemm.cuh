// Weight rows times 1 to 64 tokens at the speed of memory, with what becomes of the products decided by the role.
//
// A block owns a contiguous share of the rows and walks along their length: producer warps copy a chunk of every row,
// and of the tokens, into a slot of a ring in shared memory, and computing warps multiply. Rows are on the M side,
// tokens on the N side of mma.m16n8k16. With many rows a warp owns tiles of them; with few the warps share the row
// length as well and add their sums in a fixed order. Rows that no earlier kernel writes are sent for before the
// earlier kernels have ended.
#pragma once

#include <climits>

#include "turbosparse/bulk_ring.cuh"
#include "turbosparse/launch.cuh"
#include "turbosparse/row_gemm_int8.cuh"

namespace turbosparse {

// The ring: as many slots as fit, each of one chunk of all rows of a pass and of all tokens.
template <class C>
struct RowRing {
  using Shape = RowGemmShape<C>;
  unsigned char* memory;
  uint64_t* full;
  uint64_t* empty;
  int chunk;         // columns of a slot
  int row_stride;    // bytes
  int token_stride;  // bytes
  int row_bytes;     // of all rows of a slot; the tokens follow
  int slot_bytes;
  int slots;

  __device__ RowRing(unsigned char* ring, uint64_t* barriers, int row_capacity, int tokens)
      : memory(ring), full(barriers), empty(barriers + Shape::kMaxSlots) {
    for (chunk = C::kChunk;; chunk /= 2) {
      row_stride = chunk * Shape::kWeightSize + Shape::kRowPadding;
      token_stride = chunk * 2 + Shape::kTokenPadding;
      row_bytes = row_capacity * row_stride;
      slot_bytes = row_bytes + tokens * token_stride;
      slots = min(C::kRingBytes / slot_bytes, Shape::kMaxSlots);
      if (slots >= Shape::kWantedSlots || chunk == Shape::kMinChunk) break;
    }
  }
  __device__ static void init(uint64_t* barriers) {
    for (int s = 0; s < Shape::kMaxSlots; ++s) {
      mbarrier_init(&barriers[s], Shape::kProducerThreads);
      mbarrier_init(&barriers[Shape::kMaxSlots + s], Shape::kComputeThreads);
    }
    mbarrier_init_fence();
  }
  __device__ uint32_t rows(int slot) const { return shared_address(memory + slot * slot_bytes); }
  __device__ uint32_t tokens(int slot) const { return rows(slot) + row_bytes; }
};

// A producer thread copies 16 bytes of every so many rows and tokens of each slot.
template <class C>
class RowProducer {
 public:
  using Shape = RowGemmShape<C>;

  __device__ RowProducer(const RowGemmArgs& args, const RowShare<C>& share, const RowRing<C>& ring)
      : args_(args), share_(share), ring_(ring), policy_(evict_first_policy()) {
    const int thread = threadIdx.x - Shape::kComputeThreads;
    const int row_vectors = __ffs(ring.chunk * Shape::kWeightSize / 16) - 1;
    row_ = thread >> row_vectors;
    row_step_ = Shape::kProducerThreads >> row_vectors;
    row_offset_ = (thread & ((1 << row_vectors) - 1)) * 16;
    // Neuron weights are read at the gate or the up row.
    constexpr bool kNeurons = Shape::kGathers || C::kRole == Role::gate;
    row_bytes_ = args.depth * Shape::kWeightSize;
    row_distance_ = kNeurons ? 3 * row_bytes_ : row_bytes_;
    base_ = static_cast<const unsigned char*>(args.rows) + row_offset_ + (C::kRole == Role::up ? row_bytes_ : 0);
  }

  __device__ void send_rows(int slot, const RowPass& pass, int offset, int length) const {
    if (row_offset_ >= length * Shape::kWeightSize) return;
    const unsigned char* base = base_ + offset * Shape::kWeightSize;
    const uint32_t rows = ring_.rows(slot) + row_offset_;
    // Rows are looked up together, so that the latencies overlap.
    constexpr int kBatch = 4;
    for (int first = row_; first < pass.count; first += kBatch * row_step_) {
      int row[kBatch];
#pragma unroll
      for (int j = 0; j < kBatch; ++j) row[j] = share_.row(pass, min(first + j * row_step_, pass.count - 1));
#pragma unroll
      for (int j = 0; j < kBatch; ++j) {
        const int i = first + j * row_step_;
        if (i >= pass.count) break;
        const unsigned char* source =
            base + static_cast<uint64_t>(static_cast<uint32_t>(row[j])) * static_cast<uint32_t>(row_distance_);
        const uint32_t target = rows + (Shape::kRowKinds == 2 ? i / 8 * 16 + i % 8 : i) * ring_.row_stride;
        copy_async_16(target, source, policy_);
        if constexpr (Shape::kRowKinds == 2) copy_async_16(target + 8 * ring_.row_stride, source + row_bytes_, policy_);
      }
    }
  }

  // Also hands the slot over once all is there.
  __device__ void send_tokens(int slot, const RowPass& pass, int offset, int length) const {
    const int vectors = length / 8;
    const auto* x = reinterpret_cast<const unsigned char*>(share_.tokens(pass) + offset);
    const uint32_t tokens = ring_.tokens(slot);
#pragma unroll 4
    for (int i = threadIdx.x - Shape::kComputeThreads; i < args_.tokens << token_shift();
         i += Shape::kProducerThreads) {
      const int token = i >> token_shift();
      const int vector = i & ((1 << token_shift()) - 1);
      if (vector < vectors) {
        copy_async_16(tokens + token * ring_.token_stride + vector * 16,
                      x + static_cast<uint32_t>(token * (args_.depth * 2) + vector * 16));
      }
    }
    mbarrier_arrive_after_copies(&ring_.full[slot]);
  }

 private:
  __device__ int token_shift() const { return __ffs(ring_.chunk / 8) - 1; }
  const RowGemmArgs& args_;
  const RowShare<C>& share_;
  const RowRing<C>& ring_;
  uint64_t policy_;
  int row_, row_step_, row_offset_;
  int row_bytes_, row_distance_;
  const unsigned char* base_;
};

// A computing warp's tiles of a pass.
template <class C>
struct RowGemmWarp {
  using Shape = RowGemmShape<C>;
  using Element = typename C::Element;
  // Steps of 16 columns whose operands are loaded together, so that their latencies overlap.
  static constexpr int kBatch = Shape::kInt8       ? (C::kTokens == 8 ? 4 : 2)
                                : C::kTokens <= 16 ? 4
                                : C::kTokens == 32 ? 2
                                                   : 1;
  TileProducts<C> sums[C::kTiles];
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  int groups;      // of warps that share the row length
  int group;       // this warp's
  int first_tile;  // of this warp
  int count;       // of its tiles
  int tokens;      // of the call: absent ones have no rows

  __device__ void begin(int tiles, int all_tokens) {
    tokens = all_tokens;
    groups = 1;
    while (groups * 2 * tiles <= C::kWarps) groups *= 2;
    const int width = C::kWarps / groups;
    group = warp / width;
    first_tile = warp % width * tiles / width;
    count = (warp % width + 1) * tiles / width - first_tile;
#pragma unroll
    for (int m = 0; m < C::kTiles; ++m) {
#pragma unroll
      for (int n = 0; n < Shape::kTokenTiles; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) sums[m][n][i] = 0.0f;
      }
    }
  }

  // Adds the products of a slot of `length` columns, of which the groups take contiguous parts.
  __device__ void multiply(const RowRing<C>& ring, int slot, int length) {
    const int loads = length / kLoadColumns;
    const int begin = loads * group / groups;
    const int end = loads * (group + 1) / groups;
    if (count == C::kTiles) {
      multiply_part<C::kTiles>(ring, slot, begin, end);
    } else if (count == 1) {
      multiply_part<1>(ring, slot, begin, end);
    }
  }

  // Adds the groups' sums in order into the first group's registers. `scratch` is of all computing warps.
  __device__ void reduce(float* scratch) {
    if (groups == 1) return;
    constexpr int kPerWarp = Shape::kTokenTiles * 4 * 32;
    if (group > 0) {
#pragma unroll
      for (int n = 0; n < Shape::kTokenTiles; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) scratch[warp * kPerWarp + (n * 4 + i) * 32 + lane] = sums[0][n][i];
      }
    }
    named_barrier(1, Shape::kComputeThreads);
    for (int g = 1; g < groups && group == 0; ++g) {
      const float* other = scratch + (g * (C::kWarps / groups) + warp) * kPerWarp;
#pragma unroll
      for (int n = 0; n < Shape::kTokenTiles; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) sums[0][n][i] += other[(n * 4 + i) * 32 + lane];
      }
    }
    named_barrier(1, Shape::kComputeThreads);
  }

 private:
  static constexpr int kLoadColumns = Shape::kInt8 ? 32 : 16;  // that one ldmatrix of rows brings
  static constexpr int kLoads = kBatch * 16 / kLoadColumns;    // of a batch
  static constexpr int kTokenLoads =
      Shape::kInt8 || Shape::kTokenTiles == 1 ? Shape::kTokenTiles : Shape::kTokenTiles / 2;

  template <int kCount>
  __device__ void multiply_part(const RowRing<C>& ring, int slot, int begin, int end) {
    uint32_t rows[kCount];
#pragma unroll
    for (int m = 0; m < kCount; ++m) {
      rows[m] = ring.rows(slot) + ((first_tile + m) * 16 + lane % 16) * ring.row_stride + lane / 16 * 16 + begin * 32;
    }
    uint32_t x[kTokenLoads];
#pragma unroll
    for (int i = 0; i < kTokenLoads; ++i) {
      x[i] = ring.tokens(slot) + token_row(i) * ring.token_stride + token_column() + begin * kLoadColumns * 2;
    }
    int left = end - begin;
    for (; left >= kLoads; left -= kLoads) multiply_batch<kCount, kLoads>(rows, x);
    for (; left > 0; --left) multiply_batch<kCount, 1>(rows, x);
  }

  // Advances the addresses.
  template <int kCount, int kSteps>
  __device__ void multiply_batch(uint32_t (&rows)[kCount], uint32_t (&x)[kTokenLoads]) {
    constexpr int kMmas = kSteps * kLoadColumns / 16;
    uint32_t a[kMmas][kCount][4];
    uint32_t b[kMmas][Shape::kTokenTiles][2];
#pragma unroll
    for (int s = 0; s < kSteps; ++s) {
      if constexpr (Shape::kInt8) {
#pragma unroll
        for (int n = 0; n < kTokenLoads; ++n) {
          load_shared_8(b[2 * s][n], x[n] + s * 64);
          load_shared_8(b[2 * s + 1][n], x[n] + s * 64 + 32);
        }
#pragma unroll
        for (int m = 0; m < kCount; ++m) {
          uint32_t q[4];
          load_matrix_x4(q, rows[m] + s * 32);
          widen(a[2 * s][m], q[0], q[1]);
          widen(a[2 * s + 1][m], q[2], q[3]);
        }
      } else {
        if constexpr (Shape::kTokenTiles == 1) {
          load_matrix_x2(b[s][0], x[0] + s * 32);
        } else {
#pragma unroll
          for (int n = 0; n < kTokenLoads; ++n) {
            uint32_t both[4];
            load_matrix_x4(both, x[n] + s * 32);
            b[s][2 * n][0] = both[0];
            b[s][2 * n][1] = both[1];
            b[s][2 * n + 1][0] = both[2];
            b[s][2 * n + 1][1] = both[3];
          }
        }
#pragma unroll
        for (int m = 0; m < kCount; ++m) load_matrix_x4(a[s][m], rows[m] + s * 32);
      }
    }
#pragma unroll
    for (int s = 0; s < kMmas; ++s) {
#pragma unroll
      for (int m = 0; m < kCount; ++m) {
#pragma unroll
        for (int n = 0; n < Shape::kTokenTiles; ++n) multiply_accumulate<Element>(sums[m][n], a[s][m], b[s][n]);
      }
    }
#pragma unroll
    for (int m = 0; m < kCount; ++m) rows[m] += kSteps * 32;
#pragma unroll
    for (int n = 0; n < kTokenLoads; ++n) x[n] += kSteps * kLoadColumns * 2;
  }

  // One ldmatrix brings two tiles of tokens, where there are so many. ldmatrix of int8 rows gives a lane four of a row
  // where mma wants two and two that lie eight apart: both sides take the columns in the order in which the lanes hold
  // them, so a lane reads four of a token.
  __device__ int token_row(int load) const {
    if constexpr (Shape::kInt8) return min(load * 8 + lane / 4, tokens - 1);
    return min(Shape::kTokenTiles == 1 ? lane % 8 : load * 16 + lane / 16 * 8 + lane % 8, tokens - 1);
  }
  __device__ int token_column() const { return Shape::kInt8 ? lane % 4 * 8 : lane / 8 % 2 * 16; }

  __device__ static void widen(uint32_t (&a)[4], uint32_t upper, uint32_t lower) {
    a[0] = widen2<Element, 0>(upper);
    a[1] = widen2<Element, 0>(lower);
    a[2] = widen2<Element, 2>(upper);
    a[3] = widen2<Element, 2>(lower);
  }
};

// Producer warps: every chunk of every pass, in order.
template <class C>
__device__ void produce_rows(const RowGemmArgs& args, const RowShare<C>& share, const RowRing<C>& ring, int chunks) {
  using Shape = RowGemmShape<C>;
  const RowProducer<C> producer(args, share, ring);
  const auto for_chunks = [&](int from, int to, auto send) {
    RingPosition at;
    int n = 0;
    for (RowPass pass = share.first(); pass.units > 0 && n < to; pass = share.next(pass)) {
      for (int chunk = 0; chunk < chunks && n < to; ++chunk, ++n, at.advance(ring.slots)) {
        const int offset = chunk * ring.chunk;
        if (n >= from) send(at, pass, offset, min(ring.chunk, args.depth - offset));
      }
    }
  };
  int early = 0;
  if constexpr (Shape::kRowsKnown) {
    early = ring.slots;
    for_chunks(0, early, [&](const RingPosition& at, const RowPass& pass, int offset, int length) {
      producer.send_rows(at.slot, pass, offset, length);
    });
    wait_for_prerequisites();
    for_chunks(0, early, [&](const RingPosition& at, const RowPass& pass, int offset, int length) {
      producer.send_tokens(at.slot, pass, offset, length);
    });
  }
  for_chunks(early, INT_MAX, [&](const RingPosition& at, const RowPass& pass, int offset, int length) {
    mbarrier_wait(&ring.empty[at.slot], at.parity ^ 1);
    producer.send_rows(at.slot, pass, offset, length);
    producer.send_tokens(at.slot, pass, offset, length);
  });
}

template <class C>
__global__ void __launch_bounds__(RowGemmShape<C>::kThreads, C::kBlocks)
    row_gemm_kernel(const __grid_constant__ RowGemmArgs args) {
  using Shape = RowGemmShape<C>;
  static_assert(sizeof(RowGemmScratch<C>) <= Shape::kScratchBytes, "scratch must fit");
  extern __shared__ __align__(128) unsigned char shared[];
  auto* sums = reinterpret_cast<float*>(shared + C::kRingBytes);
  auto& scratch = *reinterpret_cast<RowGemmScratch<C>*>(shared + C::kRingBytes + Shape::kSumsBytes);

  if (threadIdx.x == 0) RowRing<C>::init(scratch.barriers);
  const RowShare<C> share(args, scratch);
  const RowRing<C> ring(shared, scratch.barriers, share.row_capacity(), args.tokens);
  const int chunks = (args.depth + ring.chunk - 1) / ring.chunk;
  if (threadIdx.x >= Shape::kComputeThreads) {
    produce_rows<C>(args, share, ring, chunks);
    return;
  }

  if constexpr (Shape::kRowsKnown) wait_for_prerequisites();
  uint64_t tokens = 0;
  if constexpr (Shape::kSelects && C::kExperts == 1) tokens = real_tokens(args);
  RowGemmWarp<C> mine;
  RingPosition at;
  for (RowPass pass = share.first(); pass.units > 0; pass = share.next(pass)) {
    mine.begin(RowShare<C>::tiles(pass), args.tokens);
    NeuronFacts facts[C::kTiles];
    if constexpr (Shape::kGathers) {
#pragma unroll
      for (int m = 0; m < C::kTiles; ++m) {
        if (mine.group == 0 && m < mine.count) facts[m] = load_facts<C>(args, share, pass, mine.first_tile + m);
      }
    }
    if constexpr (Shape::kInt8) {
      load_norms<C>(args, share.tokens(pass), scratch.norms);
      named_barrier(1, Shape::kComputeThreads);
    }
    for (int chunk = 0; chunk < chunks; ++chunk) {
      mbarrier_wait(&ring.full[at.slot], at.parity);
      mine.multiply(ring, at.slot, min(ring.chunk, args.depth - chunk * ring.chunk));
      mbarrier_arrive(&ring.empty[at.slot]);
      at.advance(ring.slots);
    }
    mine.reduce(sums);
    if (mine.group == 0) {
#pragma unroll
      for (int m = 0; m < C::kTiles; ++m) {
        if (m >= mine.count) break;
        const int tile = mine.first_tile + m;
        if constexpr (Shape::kInt8) finish_logits<C>(args, share, pass, tile, scratch.norms, mine.sums[m]);
        if constexpr (C::kRole == Role::fc1) {
          write_hidden_layer<C>(args, pass, tile, mine.sums[m]);
        } else if constexpr (Shape::kSelects) {
          if constexpr (C::kExperts > 1) tokens = scratch.expert_tokens[pass.expert];
          write_selection<C>(args, pass, tile, tokens, mine.sums[m]);
        } else {
          write_activations<C>(args, share, pass, tile, facts[m], scratch.routing_weights, mine.sums[m]);
        }
      }
    }
    // The next pass's norms are of another expert.
    if constexpr (Shape::kInt8 && C::kExperts > 1) named_barrier(1, Shape::kComputeThreads);
  }
  if constexpr (Shape::kSelects && C::kExperts > 1) {
    clear_selections<C::kExperts>(args, scratch.expert_tokens, blockIdx.x * Shape::kComputeThreads + threadIdx.x,
                                  gridDim.x * Shape::kComputeThreads);
  }
}

template <class C>
Status launch_row_gemm(const RowGemmArgs& args, cudaStream_t stream) {
  using Shape = RowGemmShape<C>;
  static std::atomic<uint64_t> configured{0};
  int multiprocessors = 0;
  const auto kernel = &row_gemm_kernel<C>;
  if (Status status = prepare(kernel, Shape::kSharedBytes, &configured, &multiprocessors); !status.ok()) return status;
  const int neurons = C::kExperts * args.rows_per_expert;
  const int lists = Shape::kGathers ? (neurons + kRowListCapacity - 1) / kRowListCapacity : 1;
  return launch(kernel, args, max(multiprocessors, lists), Shape::kThreads, Shape::kSharedBytes, stream);
}

}  // namespace turbosparse
