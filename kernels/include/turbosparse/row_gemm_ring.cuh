// How rows and tokens reach row_gemm's computing warps.
#pragma once

#include "turbosparse/bulk_ring.cuh"
#include "turbosparse/row_gemm_share.cuh"

namespace turbosparse {

// The ring: as many slots as fit, each of one chunk of all rows of a pass and, unless those are read to registers, of
// all tokens.
template <class C>
struct RowRing {
  using Shape = RowGemmShape<C>;
  unsigned char* memory;
  uint64_t* full;
  uint64_t* empty;
  int chunk;         // columns of a slot
  int row_count;     // of a slot, but for what the last tile lacks
  int row_stride;    // bytes
  int token_stride;  // bytes
  int token_rows;    // of a slot
  int row_bytes;     // of all rows of a slot; the tokens follow
  int slot_bytes;
  int slots;

  __device__ RowRing(unsigned char* ring, uint64_t* barriers, int row_capacity, int token_capacity)
      : memory(ring),
        full(barriers),
        empty(barriers + Shape::kMaxSlots),
        row_count(row_capacity),
        token_rows(token_capacity) {
    for (chunk = C::kChunk;; chunk /= 2) {
      row_stride = chunk * Shape::kWeightSize + Shape::kRowPadding;
      token_stride = chunk * 2 + Shape::kTokenPadding;
      row_bytes = row_capacity * row_stride;
      if constexpr (Shape::kWarpgroups && !Shape::kRowPanels) {
        row_bytes = (row_bytes + kPanelAlignment - 1) / kPanelAlignment * kPanelAlignment;
      }
      slot_bytes = row_bytes;
      if constexpr (!Shape::kTokensInRegisters) slot_bytes += token_rows * token_stride;
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
  // Panels for wgmma, which hold kPanelBytes of every row or token.
  __device__ uint32_t row_panel_bytes() const { return row_bytes / (chunk * 2 / kPanelBytes); }
  __device__ uint32_t token_panel_bytes() const { return token_rows * kPanelBytes; }
};

// Where the 16 bytes at `offset` of a row or token lie from the first one on.
template <bool kPanels>
__device__ __forceinline__ uint32_t ring_offset(int row, int offset, int stride, uint32_t panel_bytes) {
  if constexpr (kPanels) {
    return offset / kPanelBytes * panel_bytes + panel_offset(row, offset % kPanelBytes / 16);
  } else {
    return row * stride + offset;
  }
}

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
    const uint32_t rows = ring_.rows(slot);
    const uint32_t panel_bytes = Shape::kRowPanels ? ring_.row_panel_bytes() : 0;
    const auto target = [&](int row) {
      return rows + ring_offset<Shape::kRowPanels>(row, row_offset_, ring_.row_stride, panel_bytes);
    };
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
        const int place = Shape::kRowKinds == 2 ? i / 8 * 16 + i % 8 : i;
        copy_async_16(target(place), source, policy_);
        if constexpr (Shape::kRowKinds == 2) copy_async_16(target(place + 8), source + row_bytes_, policy_);
      }
    }
  }

  // Also hands the slot over once all is there.
  __device__ void send_tokens(int slot, const RowPass& pass, int offset, int length) const {
    if constexpr (!Shape::kTokensInRegisters) copy_tokens(slot, pass, offset, length);
    mbarrier_arrive_after_copies(&ring_.full[slot]);
  }

 private:
  __device__ void copy_tokens(int slot, const RowPass& pass, int offset, int length) const {
    const int vectors = length / 8;
    const auto* x = reinterpret_cast<const unsigned char*>(share_.tokens(pass) + offset);
    const uint32_t tokens = ring_.tokens(slot);
#pragma unroll 4
    for (int i = threadIdx.x - Shape::kComputeThreads; i < share_.token_count(pass) << token_shift();
         i += Shape::kProducerThreads) {
      const int token = i >> token_shift();
      const int vector = i & ((1 << token_shift()) - 1);
      if (vector < vectors) {
        copy_async_16(
            tokens + ring_offset<Shape::kWarpgroups>(token, vector * 16, ring_.token_stride, ring_.token_panel_bytes()),
            x + static_cast<uint32_t>(share_.token(pass, token) * (args_.depth * 2) + vector * 16));
      }
    }
  }
  __device__ int token_shift() const { return __ffs(ring_.chunk / 8) - 1; }
  const RowGemmArgs& args_;
  const RowShare<C>& share_;
  const RowRing<C>& ring_;
  uint64_t policy_;
  int row_, row_step_, row_offset_;
  int row_bytes_, row_distance_;
  const unsigned char* base_;
};

}  // namespace turbosparse
