// row_gemm without producers, for the predictor's two kernels at up to 8 tokens.
//
// So few bytes are read here that it counts how soon the first are sent for and how soon after the last the result is
// there. Every warp copies what it multiplies itself, before anything else: it hands nothing over, so there are neither
// barriers to make nor passes to divide. In fc1, whose blocks have but a few rows, the warps take turns with the chunks
// of these rows and add their sums in a fixed order; in select each warp has 16 rows of its own.
#pragma once

#include "turbosparse/bulk_ring.cuh"
#include "turbosparse/launch.cuh"
#include "turbosparse/row_gemm_int8.cuh"

namespace turbosparse {

template <class C>
struct DirectShape {
  using Weight = typename C::Weight;
  static constexpr int kWeightSize = static_cast<int>(sizeof(Weight));
  static constexpr bool kInt8 = kWeightSize == 1;
  static constexpr bool kSelects = C::kRole == Role::select;
  static constexpr int kThreads = C::kWarps * 32;
  static constexpr int kTileRows = 16;
  // Rows of a unit, on which a block works at once, at most.
  static constexpr int kUnitRows = kSelects ? kTileRows * C::kWarps : kTileRows;

  // ldmatrix reads eight rows at once, which must lie in different banks; so must two tokens read 16 bytes a lane.
  static constexpr int kChunkBytes = C::kChunk * kWeightSize;
  static constexpr int kRowStride = kChunkBytes + 16;
  static constexpr int kSlots = C::kRingBytes / (C::kWarps * kTileRows * kRowStride);
  static constexpr int kTokenPadding = 64;
  static constexpr int kTokenBytes = C::kTokens * (C::kDepth * 2 + kTokenPadding);
  static constexpr int kSharedBytes = C::kRingBytes + kTokenBytes;

  static_assert(C::kRole == Role::fc1 || kSelects, "only the predictor's kernels work without producers");
  static_assert(C::kTokens == 8 && C::kTiles == 1, "a warp has one tile of rows and one of tokens");
  static_assert(kChunkBytes % 64 == 0 && C::kChunk % 64 == 0, "chunks must be whole multiples of what is read at once");
  static_assert(kSlots >= 1, "a slot of every warp must fit the ring");
  static_assert(!kInt8 || kSelects, "only fc2 comes in int8");
  static_assert(C::kDepth % 64 == 0, "rows must be whole multiples of 64");
};

template <class C>
struct DirectScratch {
  float sums[DirectShape<C>::kSelects ? 1 : C::kWarps * 4 * 32];
  float norms[C::kTokens];  // int8: of the tokens' hidden layers
  unsigned long long expert_tokens[C::kExperts];
  int active_experts[C::kExperts];
};

// Rows of fc1 that a block works on at once: as many as leave all blocks alike, and no more than a tile.
__host__ __device__ inline int direct_unit_rows(int rows, int blocks) {
  const int share = (rows + blocks - 1) / blocks;
  const int units = (share + 15) / 16;
  return (share + units - 1) / units;
}

// The units of the visited experts, which the blocks take in turns.
template <class C>
class DirectUnits {
 public:
  using Shape = DirectShape<C>;
  using Element = typename C::Element;

  // All threads of the block. With several experts it synchronises, and waits for the kernels before.
  __device__ DirectUnits(const RowGemmArgs& args, DirectScratch<C>& scratch) : args_(args), scratch_(scratch) {
    int experts = 1;
    if constexpr (C::kExperts > 1) {
      wait_for_prerequisites();
      load_routing_masks<C::kExperts>(scratch.expert_tokens, args.routing, args.padding, args.tokens);
      experts = 0;
      for (int e = 0; e < C::kExperts; ++e) {
        if (scratch.expert_tokens[e] == 0) continue;
        if (threadIdx.x == 0) scratch.active_experts[experts] = e;
        ++experts;
      }
      __syncthreads();
    }
    unit_rows_ = Shape::kSelects ? Shape::kUnitRows : direct_unit_rows(experts * args.rows_per_expert, gridDim.x);
    units_per_expert_ = (padded_rows() + unit_rows_ - 1) / unit_rows_;
    units_ = experts * units_per_expert_;
  }

  __device__ int count() const { return units_; }
  // Rows that a slot must hold.
  __device__ int tile_rows() const { return Shape::kSelects ? Shape::kTileRows : unit_rows_; }

  // The calling warp's rows of a unit.
  __device__ RowPass rows_of(int unit) const {
    const int index = C::kExperts == 1 ? 0 : unit / units_per_expert_;
    RowPass pass{unit, 0, C::kExperts == 1 ? 0 : scratch_.active_experts[index], 0, 0};
    pass.first = (unit - index * units_per_expert_) * unit_rows_;
    if constexpr (Shape::kSelects) pass.first += static_cast<int>(threadIdx.x) / 32 * Shape::kTileRows;
    const auto rows_up_to = [&](int end) { return max(0, min(tile_rows(), end - pass.first)); };
    pass.count = rows_up_to(args_.rows_per_expert);
    pass.units = Shape::kSelects ? rows_up_to(padded_rows()) / 8 : pass.count;
    return pass;
  }

  __device__ int row(const RowPass& pass, int i) const { return pass.expert * args_.rows_per_expert + pass.first + i; }
  __device__ const Element* tokens(const RowPass& pass) const {
    const auto* x = static_cast<const Element*>(args_.x);
    return Shape::kSelects ? x + static_cast<int64_t>(pass.expert) * args_.tokens * args_.depth : x;
  }

 private:
  // Selections go on to the end of the bitmap's last word, so that every byte of it is written.
  __device__ int padded_rows() const {
    return Shape::kSelects ? 32 * words_per_expert(args_.rows_per_expert) : args_.rows_per_expert;
  }

  const RowGemmArgs& args_;
  const DirectScratch<C>& scratch_;
  int unit_rows_, units_per_expert_, units_;
};

// A warp's ring. Each slot is a chunk of the warp's rows of a unit.
template <class C>
class DirectRing {
 public:
  using Shape = DirectShape<C>;

  __device__ DirectRing(const RowGemmArgs& args, const DirectUnits<C>& units, unsigned char* memory)
      : args_(args),
        units_(units),
        policy_(evict_first_policy()),
        slot_bytes_(units.tile_rows() * Shape::kRowStride),
        memory_(shared_address(memory) + static_cast<int>(threadIdx.x) / 32 * Shape::kSlots * slot_bytes_),
        chunks_((args.depth + C::kChunk - 1) / C::kChunk),
        unit_(blockIdx.x),
        chunk_(first_chunk()) {
    for (int slot = 0; slot < Shape::kSlots; ++slot) send(slot);
  }

  // In fc1 the warps take turns with the chunks.
  __device__ static int first_chunk() { return Shape::kSelects ? 0 : static_cast<int>(threadIdx.x) / 32; }
  __device__ static constexpr int chunk_step() { return Shape::kSelects ? 1 : C::kWarps; }
  __device__ int chunks() const { return chunks_; }
  __device__ uint32_t oldest() const { return memory_ + slot_ * slot_bytes_; }
  // Of the oldest slot's copies.
  __device__ void wait() const {
    copy_async_wait<Shape::kSlots - 1>();
    __syncwarp();
  }
  // The oldest slot was read by the whole warp.
  __device__ void release() {
    __syncwarp();
    send(slot_);
    if (++slot_ == Shape::kSlots) slot_ = 0;
  }

 private:
  // The next chunk; one group of copies, also when there is none left.
  __device__ void send(int slot) {
    // A warp has no part in rows of fewer chunks than warps.
    while (chunk_ >= chunks_ && unit_ < units_.count()) {
      chunk_ = first_chunk();
      unit_ = chunk_ < chunks_ ? unit_ + gridDim.x : units_.count();
    }
    if (unit_ < units_.count()) {
      const RowPass pass = units_.rows_of(unit_);
      constexpr int kPieces = Shape::kChunkBytes / 16;  // of a row
      const int lane = threadIdx.x % 32;
      const int row_bytes = args_.depth * Shape::kWeightSize;
      const int bytes = min(Shape::kChunkBytes, row_bytes - chunk_ * Shape::kChunkBytes);
      const auto* rows = static_cast<const unsigned char*>(args_.rows) + chunk_ * Shape::kChunkBytes +
                         static_cast<int64_t>(units_.row(pass, 0)) * row_bytes;
#pragma unroll 8
      for (int i = lane; i < pass.count * kPieces; i += 32) {
        const int row = i / kPieces;
        const int offset = i % kPieces * 16;
        if (offset < bytes) {
          copy_async_16(memory_ + slot * slot_bytes_ + row * Shape::kRowStride + offset,
                        rows + row * row_bytes + offset, policy_);
        }
      }
      chunk_ += chunk_step();
    }
    copy_async_commit();
  }

  const RowGemmArgs& args_;
  const DirectUnits<C>& units_;
  uint64_t policy_;
  int slot_bytes_;
  uint32_t memory_;
  int chunks_;
  int unit_, chunk_;  // sent for next
  int slot_ = 0;      // the oldest
};

// Products of a warp's tile of rows with all tokens.
template <class C>
struct DirectWarp {
  using Shape = DirectShape<C>;
  using Element = typename C::Element;
  // Independent sums, so that a product need not wait for the one before it.
  static constexpr int kChains = 4;
  float sums[kChains][4];

  __device__ void clear() {
#pragma unroll
    for (int c = 0; c < kChains; ++c) {
#pragma unroll
      for (int i = 0; i < 4; ++i) sums[c][i] = 0.0f;
    }
  }

  // Adds the products of `columns` columns, a multiple of 64: `rows` is the lane's place for ldmatrix, `tokens` its
  // place in the tokens, where 32 columns lie in the order in which a lane reads them (store_tokens).
  __device__ void multiply(uint32_t rows, const unsigned char* tokens, int columns) {
#pragma unroll 2
    for (int k = 0; k < columns; k += 64) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const uint4 x = *reinterpret_cast<const uint4*>(tokens + k * 2 + h * 64);
        const uint32_t first[2] = {x.x, x.y};
        const uint32_t second[2] = {x.z, x.w};
        uint32_t a[4], b[4];
        if constexpr (Shape::kInt8) {
          uint32_t q[4];
          load_matrix_x4(q, rows + k + h * 32);
          widen_tile<Element>(a, q[0], q[1]);
          widen_tile<Element>(b, q[2], q[3]);
        } else {
          load_matrix_x4(a, rows + k * 2 + h * 64);
          load_matrix_x4(b, rows + k * 2 + h * 64 + 32);
        }
        multiply_accumulate<Element>(sums[2 * h], a, first);
        multiply_accumulate<Element>(sums[2 * h + 1], b, second);
      }
    }
  }

  __device__ void join(TileProducts<C>& products) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) products[0][i] = (sums[0][i] + sums[1][i]) + (sums[2][i] + sums[3][i]);
  }
};

// Tokens [tokens, depth] to shared memory, by all threads. Lane 4 * g + t multiplies, of token g, what ldmatrix gives
// it of a row: of 16-bit rows two columns of each 8, of int8 rows four of each 16. Those of 32 columns lie together.
template <class C>
__device__ void store_tokens(unsigned char* out, int stride, const typename C::Element* tokens,
                             const RowGemmArgs& args) {
  const int vectors = args.depth / 8;
#pragma unroll 4
  for (int i = threadIdx.x; i < args.tokens * vectors; i += DirectShape<C>::kThreads) {
    const int token = i / vectors;
    const int vector = i - token * vectors;
    const uint4 x = __ldcg(reinterpret_cast<const uint4*>(tokens) + i);
    unsigned char* place = out + token * stride + vector / 4 * 64;
    if constexpr (DirectShape<C>::kInt8) {
      auto* half = reinterpret_cast<uint2*>(place + vector % 2 * 32 + vector % 4 / 2 * 8);
      half[0] = make_uint2(x.x, x.y);
      half[2] = make_uint2(x.z, x.w);
    } else {
      auto* pair = reinterpret_cast<uint32_t*>(place + vector % 4 * 4);
      pair[0] = x.x;
      pair[4] = x.y;
      pair[8] = x.z;
      pair[12] = x.w;
    }
  }
}

// The warps' sums of the same rows, in order, in the first warp. Synchronises.
template <class C>
__device__ void add_warps(TileProducts<C>& products, float* scratch) {
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int i = 0; i < 4; ++i) scratch[(warp * 4 + i) * 32 + lane] = products[0][i];
  __syncthreads();
  if (warp == 0) {
#pragma unroll
    for (int w = 1; w < C::kWarps; ++w) {
#pragma unroll
      for (int i = 0; i < 4; ++i) products[0][i] += scratch[(w * 4 + i) * 32 + lane];
    }
  }
}

// Registers are left for the predictor's other kernel, which starts while this one runs.
template <class C>
__global__ void __launch_bounds__(DirectShape<C>::kThreads, 2)
    row_gemm_direct_kernel(const __grid_constant__ RowGemmArgs args) {
  using Shape = DirectShape<C>;
  extern __shared__ __align__(128) unsigned char shared[];
  __shared__ DirectScratch<C> scratch;
  const int lane = threadIdx.x % 32;
  const int token_stride = args.depth * 2 + Shape::kTokenPadding;

  const DirectUnits<C> units(args, scratch);
  DirectRing<C> ring(args, units, shared + args.tokens * token_stride);
  dependents_may_launch();
  if constexpr (C::kExperts == 1) wait_for_prerequisites();

  uint64_t tokens = 0;
  if constexpr (Shape::kSelects && C::kExperts == 1) tokens = real_tokens(args);
  const uint32_t lane_rows = min(lane % 16, units.tile_rows() - 1) * Shape::kRowStride + lane / 16 * 16;
  const unsigned char* lane_tokens = shared + min(lane / 4, args.tokens - 1) * token_stride + lane % 4 * 16;
  int loaded = -1;  // the expert whose tokens are there
  DirectWarp<C> warp;
  for (int unit = blockIdx.x; unit < units.count(); unit += gridDim.x) {
    const RowPass pass = units.rows_of(unit);
    const int wanted = Shape::kSelects ? pass.expert : 0;
    if (wanted != loaded) {
      if (loaded >= 0) __syncthreads();
      store_tokens<C>(shared, token_stride, units.tokens(pass), args);
      if constexpr (Shape::kInt8) load_norms<C>(args, units.tokens(pass), scratch.norms);
      __syncthreads();
      loaded = wanted;
    }
    warp.clear();
    for (int chunk = DirectRing<C>::first_chunk(); chunk < ring.chunks(); chunk += DirectRing<C>::chunk_step()) {
      ring.wait();
      warp.multiply(ring.oldest() + lane_rows, lane_tokens + chunk * C::kChunk * 2,
                    min(C::kChunk, args.depth - chunk * C::kChunk));
      ring.release();
    }
    TileProducts<C> products;
    warp.join(products);
    if constexpr (Shape::kSelects) {
      if constexpr (Shape::kInt8) finish_logits<C>(args, units, pass, 0, scratch.norms, products);
      if constexpr (C::kExperts > 1) tokens = scratch.expert_tokens[pass.expert];
      write_selection<C>(args, pass, 0, tokens, products);
    } else {
      add_warps<C>(products, scratch.sums);
      if (threadIdx.x < 32) write_hidden_layer<C>(args, pass, 0, products);
      __syncthreads();
    }
  }
  if constexpr (Shape::kSelects && C::kExperts > 1) {
    clear_selections<C::kExperts>(args, scratch.expert_tokens, blockIdx.x * Shape::kThreads + threadIdx.x,
                                  gridDim.x * Shape::kThreads);
  }
}

template <class C>
Status launch_row_gemm_direct(const RowGemmArgs& args, cudaStream_t stream) {
  using Shape = DirectShape<C>;
  static std::atomic<uint64_t> configured{0};
  int multiprocessors = 0;
  const auto kernel = &row_gemm_direct_kernel<C>;
  if (Status status = prepare(kernel, Shape::kSharedBytes, &configured, &multiprocessors); !status.ok()) return status;
  // What is left free is room for the next kernel of the predictor to start in.
  int ring_bytes = C::kRingBytes;
  if (!Shape::kSelects && C::kExperts == 1) {
    ring_bytes = ring_bytes / Shape::kTileRows * direct_unit_rows(args.rows_per_expert, multiprocessors);
  }
  const int token_bytes = args.tokens * (args.depth * 2 + Shape::kTokenPadding);
  return launch(kernel, args, multiprocessors, Shape::kThreads, ring_bytes + token_bytes, stream);
}

}  // namespace turbosparse
