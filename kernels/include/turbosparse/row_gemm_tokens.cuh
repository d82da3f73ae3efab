// What row_gemm's computing warpgroup does where tokens are on the M side: it reads them to registers itself, so that
// the whole ring is the rows'.
#pragma once

#include "turbosparse/row_gemm_outputs.cuh"
#include "turbosparse/row_gemm_ring.cuh"
#include "turbosparse/wgmma.cuh"

namespace turbosparse {

// Four registers each of four lanes next to each other: lane q's register c becomes lane c's register q.
__device__ __forceinline__ void transpose_quad(uint32_t (&r)[4]) {
  const int q = threadIdx.x % 4;
#pragma unroll
  for (int distance = 1; distance <= 2; ++distance) {
    const bool upper = (q & distance) != 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if ((i & distance) != 0) continue;
      const uint32_t other = __shfl_xor_sync(0xffffffffu, upper ? r[i] : r[i + distance], distance);
      r[i] = upper ? other : r[i];
      r[i + distance] = upper ? r[i + distance] : other;
    }
  }
}

// Lane's two elements of row lane / 4 of an 8 x 8 matrix become those of its column.
__device__ __forceinline__ uint32_t transpose_matrix(uint32_t pair) {
  uint32_t transposed;
  asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(transposed) : "r"(pair));
  return transposed;
}

// The warpgroup's products of a pass. Warp w has tokens 16 * w to 16 * w + 15, and of those lane's two 8 apart.
template <class C>
class RowGemmTokens {
 public:
  using Shape = RowGemmShape<C>;
  using Element = typename C::Element;
  static constexpr int kColumns = Shape::kRegisterColumns;

  __device__ RowGemmTokens(const RowGemmArgs& args, const RowShare<C>& share, RowGemmScratch<C>& scratch)
      : args_(args), share_(share), scratch_(scratch) {}

  __device__ void begin(const RowPass& pass) {
    row_tiles_ = warp_uniform((RowShare<C>::tiles(pass) + 3) / 4);
    x_ = share_.tokens(pass);
#pragma unroll
    for (int n = 0; n < kSumTiles; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) sums_[n][i] = 0.0f;
    }
    if constexpr (Shape::kGathers) {
      // A neuron a thread, so that nobody waits for them later.
      static_assert(Shape::kTokenSets == Shape::kComputeThreads);
      const int neuron = threadIdx.x;
      token_set_ = neuron < pass.count ? __ldcg(args_.token_bits + share_.row(pass, neuron)) : 0;
    }
    load(0);
  }

  // Adds the products of a slot of `length` columns, of which the first is `column` of the rows.
  __device__ void multiply(const RowRing<C>& ring, const RingPosition& at, int column, int length) {
#pragma unroll 1
    for (int first = 0; first < length; first += kColumns) {
      uint32_t tokens[kSteps][4];
      take(tokens);
      if (column + first + kColumns < args_.depth) load(column + first + kColumns);
      if (first == 0) {
        mbarrier_wait(&ring.full[at.slot], at.parity);
        wgmma_operands_ready();
      }
      const uint32_t panel_bytes = ring.row_panel_bytes();
      const uint32_t rows = ring.rows(at.slot) + first / kPanelColumns * panel_bytes;
      if (row_tiles_ == 1) {
        multiply_part<1>(rows, panel_bytes, tokens);
      } else if (row_tiles_ == 2) {
        multiply_part<2>(rows, panel_bytes, tokens);
      } else if (row_tiles_ == 3) {
        multiply_part<3>(rows, panel_bytes, tokens);
      } else {
        multiply_part<4>(rows, panel_bytes, tokens);
      }
    }
  }

  // gate_up: the activations of the pass's neurons, cut by the mask and scaled by the routing.
  __device__ void write_activations(const RowPass& pass) const {
    scratch_.token_sets[threadIdx.x] = token_set_;
    named_barrier(1, Shape::kComputeThreads);
    if (warp_ * 16 < C::kTokens) {
#pragma unroll
      for (int n = 0; n < kSumTiles; n += 2) {
        if (n / 2 * 8 >= pass.count) break;
        write_neurons(pass, n / 2 * 8, sums_[n], sums_[n + 1]);
      }
    }
    named_barrier(1, Shape::kComputeThreads);  // the next pass's sets
  }

  // select: the token set of each of the pass's rows, of which `tokens` may be members, and the bitmap's bytes.
  __device__ void write_selection(const RowPass& pass, uint64_t tokens) const {
    auto* sets = reinterpret_cast<uint8_t*>(scratch_.token_sets);
#pragma unroll
    for (int n = 0; n < kSumTiles; ++n) {
      if (n * 8 >= pass.count) break;
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const Element pair[2] = {from_float<Element>(sums_[n][2 * h]), from_float<Element>(sums_[n][2 * h + 1])};
        const uint32_t logits = transpose_matrix(*reinterpret_cast<const uint32_t*>(pair));
        const auto* of_tokens = reinterpret_cast<const Element*>(&logits);
        unsigned bits = 0;
#pragma unroll
        for (int j = 0; j < 2; ++j) {
          // A NaN keeps the neuron, so that it shows in the output.
          if (!(to_float<Element>(of_tokens[j]) <= args_.threshold)) bits |= 1u << (lane_ % 4 * 2 + j);
        }
        bits |= __shfl_xor_sync(0xffffffffu, bits, 1);
        bits |= __shfl_xor_sync(0xffffffffu, bits, 2);
        if (lane_ % 4 == 0) sets[(n * 8 + lane_ / 4) * 8 + warp_ * 2 + h] = static_cast<uint8_t>(bits);
      }
    }
    named_barrier(1, Shape::kComputeThreads);
    uint8_t* bitmap = args_.union_bits + pass.first / kSelectionUnit;
    const int padded = pass.units * kSelectionUnit;
    for (int first = warp_ * 32; first < padded; first += Shape::kComputeThreads) {
      const int i = first + lane_;
      const uint64_t bits = i < pass.count ? scratch_.token_sets[i] & tokens : 0;
      if (i < pass.count) args_.token_bits[share_.row(pass, i)] = bits;
      const uint32_t kept = __ballot_sync(0xffffffffu, bits != 0);
      if (lane_ % 8 == 0 && i < padded) bitmap[i / 8] = static_cast<uint8_t>(kept >> lane_);
    }
    named_barrier(1, Shape::kComputeThreads);  // the next pass's sets
  }

 private:
  static constexpr int kPanelColumns = kPanelBytes / 2;
  static constexpr int kSteps = kColumns / 16;
  static constexpr int kBlocks = kColumns / 32;  // of 16 bytes a lane
  static constexpr int kSumTiles = Shape::kMaxItems * Shape::kRowKinds / 8;

  __device__ int token(int half) const { return warp_ * 16 + half * 8 + lane_ / 4; }

  __device__ void load(int column) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const Element* source = x_ + static_cast<int64_t>(token(h)) * args_.depth + column + lane_ % 4 * 8;
#pragma unroll
      for (int b = 0; b < kBlocks; ++b) {
        next_[h][b] = token(h) < args_.tokens ? __ldcg(reinterpret_cast<const uint4*>(source) + b * 4) : uint4{};
      }
    }
  }

  // What was loaded, as the operands of the steps.
  __device__ void take(uint32_t (&tokens)[kSteps][4]) const {
#pragma unroll
    for (int b = 0; b < kBlocks; ++b) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        uint32_t r[4] = {next_[h][b].x, next_[h][b].y, next_[h][b].z, next_[h][b].w};
        transpose_quad(r);
#pragma unroll
        for (int i = 0; i < 4; ++i) tokens[2 * b + i / 2][i % 2 * 2 + h] = r[i];
      }
    }
  }

  template <int kRowTiles>
  __device__ void multiply_part(uint32_t rows, uint32_t panel_bytes, const uint32_t (&tokens)[kSteps][4]) {
    constexpr int kHeld = kRowTiles * kWarpgroupRows / 8;
    constexpr int kPanelSteps = kPanelColumns / 16;
    wgmma_hold<kHeld>(sums_);
    wgmma_fence();
#pragma unroll
    for (int s = 0; s < kSteps; ++s) {
      const uint32_t b = rows + s / kPanelSteps * panel_bytes + s % kPanelSteps * 32;
      warpgroup_multiply_accumulate<Element, kRowTiles * kWarpgroupRows>(sums_, tokens[s],
                                                                         panel_descriptor<kPanelBytes>(b));
    }
    wgmma_commit();
    wgmma_wait();
    wgmma_hold<kHeld>(sums_);
  }

  // Of eight neurons from `first` on, of which lane has products of two.
  __device__ void write_neurons(const RowPass& pass, int first, const float (&gate)[4], const float (&up)[4]) const {
    const int mine = first + lane_ % 4 * 2;
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      Element pair[2];
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        float value = 0.0f;
        if ((scratch_.token_sets[mine + j] >> token(h) & 1) != 0) {
          value = combine<C::kActivation>(gate[2 * h + j], up[2 * h + j], args_.threshold);
        }
        pair[j] = from_float<Element>(value);
      }
      const uint32_t tokens = transpose_matrix(*reinterpret_cast<const uint32_t*>(pair));
      const int neuron = first + lane_ / 4;
      if (neuron >= pass.count) continue;
      auto* out = static_cast<Element*>(args_.activations) +
                  activation_index<C::kTokens>(share_.rank(pass, neuron), warp_ * 2 + h);
      reinterpret_cast<uint32_t*>(out)[lane_ % 4] = tokens;
    }
  }

  const RowGemmArgs& args_;
  const RowShare<C>& share_;
  RowGemmScratch<C>& scratch_;
  const int warp_ = warp_uniform(threadIdx.x / 32);
  const int lane_ = threadIdx.x % 32;
  const Element* x_ = nullptr;
  int row_tiles_ = 0;  // of 64 rows
  uint64_t token_set_ = 0;
  uint4 next_[2][kBlocks];
  float sums_[kSumTiles][4];
};

}  // namespace turbosparse
