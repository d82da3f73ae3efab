// Which rows a warp of row_gemm without producers has, and the ring through which it brings them.
#pragma once

#include "turbosparse/bulk_ring.cuh"
#include "turbosparse/row_gemm_outputs.cuh"

namespace turbosparse {

// Units, on which blocks work one after the other, are divided by the host: divisions take the device so long that
// the first copies would leave late.
struct DirectArgs {
  RowGemmArgs gemm;
  int unit_rows;
  int units_per_expert;
};

template <class C>
struct DirectShape {
  using Weight = typename C::Weight;
  static constexpr int kWeightSize = static_cast<int>(sizeof(Weight));
  static constexpr bool kInt8 = kWeightSize == 1;
  static constexpr bool kSelects = C::kRole == Role::select;
  static constexpr int kThreads = C::kWarps * 32;
  static constexpr int kTileRows = 16;
  // Rows of a unit at most.
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
  static_assert(kChunkBytes >= 16 && kChunkBytes <= 512 && 512 % kChunkBytes == 0, "a warp copies whole rows at once");
  static_assert(C::kChunk % 64 == 0, "chunks must be whole multiples of what is read at once");
  static_assert(kSlots >= 1, "a slot of every warp must fit the ring");
  static_assert(!kInt8 || kSelects, "only fc2 comes in int8");
  static_assert(C::kDepth % 64 == 0, "rows must be whole multiples of 64");
};

template <class C>
struct DirectScratch {
  float sums[DirectShape<C>::kSelects ? 1 : C::kWarps * 4 * 32];
  unsigned long long expert_tokens[C::kExperts];
  int active_experts[C::kExperts];
  // int8: of the tokens, what store_hidden_layer finds.
  float offsets[DirectShape<C>::kInt8 ? C::kTokens : 1];
  float margins[DirectShape<C>::kInt8 ? C::kTokens : 1];
};

// The units of the visited experts, which the blocks take in turns.
template <class C>
class DirectUnits {
 public:
  using Shape = DirectShape<C>;
  using Element = typename C::Element;

  // All threads of the block. With several experts it synchronises and reads the routing, for which fc1 waits; select
  // starts only once fc1 has.
  __device__ DirectUnits(const DirectArgs& args, DirectScratch<C>& scratch) : args_(args), scratch_(scratch) {
    int experts = 1;
    if constexpr (C::kExperts > 1) {
      if constexpr (!Shape::kSelects) wait_for_prerequisites();
      experts = list_active_experts<C::kTokens, C::kExperts>(scratch.active_experts, scratch.expert_tokens,
                                                             args.gemm.routing, args.gemm.padding, args.gemm.tokens);
      __syncthreads();
    }
    count_ = experts * args.units_per_expert;
  }

  __device__ int count() const { return count_; }
  // Rows that a slot must hold.
  __device__ int tile_rows() const { return Shape::kSelects ? Shape::kTileRows : args_.unit_rows; }

  // The calling warp's rows of a unit.
  __device__ RowPass rows_of(int unit) const {
    const int index = C::kExperts == 1 ? 0 : unit / args_.units_per_expert;
    RowPass pass{unit, 0, C::kExperts == 1 ? 0 : scratch_.active_experts[index], 0, 0, 0};
    pass.first = (unit - index * args_.units_per_expert) * args_.unit_rows;
    if constexpr (Shape::kSelects) pass.first += static_cast<int>(threadIdx.x) / 32 * Shape::kTileRows;
    const auto rows_up_to = [&](int end) { return max(0, min(tile_rows(), end - pass.first)); };
    pass.count = rows_up_to(args_.gemm.rows_per_expert);
    pass.units = Shape::kSelects ? rows_up_to(32 * words_per_expert(args_.gemm.rows_per_expert)) / 8 : pass.count;
    return pass;
  }

  __device__ int row(const RowPass& pass, int i) const {
    return pass.expert * args_.gemm.rows_per_expert + pass.first + i;
  }
  // Every pass multiplies all tokens.
  __device__ int token_count(const RowPass&) const { return args_.gemm.tokens; }
  __device__ int token(const RowPass&, int i) const { return i; }
  __device__ bool exists(const RowPass&, int) const { return true; }
  __device__ const Element* tokens(const RowPass& pass) const {
    const auto* x = static_cast<const Element*>(args_.gemm.x);
    return Shape::kSelects ? x + static_cast<int64_t>(pass.expert) * args_.gemm.tokens * args_.gemm.depth : x;
  }

 private:
  const DirectArgs& args_;
  const DirectScratch<C>& scratch_;
  int count_;
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
        // threadIdx.y is 0, but keeps it from the compiler that this is the same for all threads: ptxas 13.0 puts such
        // a part of a copy's address into the register of the copy's policy, and the copy is an illegal instruction.
        slot_bytes_(units.tile_rows() * Shape::kRowStride + static_cast<int>(threadIdx.y)),
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
    if (unit_ < units_.count()) send_chunk(units_.rows_of(unit_), memory_ + slot * slot_bytes_);
    chunk_ += chunk_step();
    copy_async_commit();
  }

  __device__ void send_chunk(const RowPass& pass, uint32_t target) const {
    constexpr int kPieces = Shape::kChunkBytes / 16;  // of a row
    constexpr int kRowsAtOnce = 32 / kPieces;
    const int lane = threadIdx.x % 32;
    const int row_bytes = args_.depth * Shape::kWeightSize;
    const int offset = chunk_ * Shape::kChunkBytes + lane % kPieces * 16;
    if (offset >= row_bytes) return;
    const auto* source = static_cast<const unsigned char*>(args_.rows) + offset +
                         static_cast<int64_t>(units_.row(pass, lane / kPieces)) * row_bytes;
    target += lane / kPieces * Shape::kRowStride + lane % kPieces * 16;
#pragma unroll 4
    for (int row = lane / kPieces; row < pass.count; row += kRowsAtOnce) {
      copy_async_16(target, source, policy_);
      target += kRowsAtOnce * Shape::kRowStride;
      source += kRowsAtOnce * row_bytes;
    }
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

}  // namespace turbosparse
