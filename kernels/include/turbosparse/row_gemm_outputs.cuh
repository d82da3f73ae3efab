// Tile geometry of row_gemm and what each role does with a product.
#pragma once

#include "turbosparse/active_list.cuh"
#include "turbosparse/args.h"
#include "turbosparse/launch.cuh"
#include "turbosparse/routing.cuh"

namespace turbosparse {

template <class C>
struct RowGemmShape {
  static constexpr int kThreads = C::kWarps * 32;
  static constexpr bool kGathers = C::kRole == Role::gate_up || C::kRole == Role::up;
  static constexpr int kRowKinds = C::kRole == Role::gate_up ? 2 : 1;
  static constexpr int kRows = 16 * C::kRowTiles;  // rows of one kind in a tile: neurons, or predictor units
  static constexpr int kTileRows = kRowKinds * kRows;
  static constexpr int kTokenTiles = C::kTokens / 8;
  // Rows are padded by 16 bytes, so that the eight rows of an ldmatrix lie in different banks.
  static constexpr int kStride = C::kChunk + 8;
  static constexpr int kStageElements = (kTileRows + C::kTokens) * kStride;
  static constexpr int kStagesBytes = C::kWarps * C::kStages * kStageElements * 2;
  static constexpr int kSumsBytes = C::kWarps * kTileRows * C::kTokens * 4;
  static constexpr int kTileBytes = kStagesBytes > kSumsBytes ? kStagesBytes : kSumsBytes;
  static constexpr int kSharedBytes = kTileBytes + 4 * C::kTokens * C::kExperts + 4096 + 256;

  static_assert(C::kRole == Role::select || C::kDepth % C::kChunk == 0, "chunk must divide the row length");
  static_assert(C::kChunk % 16 == 0 && C::kTokens % 8 == 0 && C::kTokens <= kMaxTokens && C::kStages >= 2,
                "illegal tile");
  static_assert(C::kExperts <= kMaxExperts, "too many experts");
  static_assert(kThreads >= 2 * kRows, "one thread must clear a word of every row's token set");
};

// Tiles of one expert. Selections go on to the end of the bitmap's last word, so that every byte of it is written.
template <class C>
__host__ __device__ constexpr int tiles_per_expert(int rows) {
  const bool selects = C::kRole == Role::select || C::kRole == Role::gate;
  return ((selects ? 32 * words_per_expert(rows) : rows) + RowGemmShape<C>::kRows - 1) / RowGemmShape<C>::kRows;
}

// Behind the tile in shared memory.
template <class C>
struct RowGemmScratch {
  unsigned long long expert_tokens[C::kExperts];    // tokens routed to the expert, one bit each
  uint32_t row_tokens[2 * RowGemmShape<C>::kRows];  // token set of each row, low word first
  ActiveNeuron neurons[RowGemmShape<C>::kRows];
  int warp_totals[32];
  float routing_weights[C::kTokens * C::kExperts];
};

template <class C>
__device__ void write_hidden_layer(const RowGemmArgs& args, int expert, int unit, int token, float value) {
  using Element = typename C::Element;
  if (unit >= args.rows_per_expert || token >= args.tokens) return;
  auto* out = static_cast<Element*>(args.hidden_layer);
  // Rounded to the dtype, as a checkpoint evaluated in its own dtype does.
  out[(static_cast<int64_t>(expert) * args.tokens + token) * args.rows_per_expert + unit] =
      from_float<Element>(threshold_relu(value, 0.0f));
}

// Adds the token to the row's set if it keeps the neuron. A NaN keeps it, so that it shows in the output.
template <class C>
__device__ void select(const RowGemmArgs& args, RowGemmScratch<C>& scratch, int expert, int first, int row, int token,
                       float value) {
  using Element = typename C::Element;
  if (first + row >= args.rows_per_expert || token >= args.tokens) return;
  if (C::kRole == Role::select) value = to_float<Element>(from_float<Element>(value));
  const int64_t neuron = static_cast<int64_t>(expert) * args.rows_per_expert + first + row;
  if (C::kRole == Role::gate) args.gate_values[neuron * args.tokens + token] = value;
  const bool routed = (scratch.expert_tokens[expert] >> token & 1) != 0;
  if (routed && !(value <= args.threshold)) atomicOr(&scratch.row_tokens[2 * row + token / 32], 1u << token % 32);
}

// Writes the tile's part of the bitmap and of the token sets. `scratch.row_tokens` is complete and visible.
template <class C>
__device__ void write_selection(const RowGemmArgs& args, const RowGemmScratch<C>& scratch, int expert, int first) {
  const int thread = threadIdx.x;
  if (thread >= RowGemmShape<C>::kRows) return;
  const int neuron = first + thread;
  const uint64_t tokens =
      static_cast<uint64_t>(scratch.row_tokens[2 * thread + 1]) << 32 | scratch.row_tokens[2 * thread];
  if (neuron < args.rows_per_expert) {
    args.token_bits[static_cast<int64_t>(expert) * args.rows_per_expert + neuron] = tokens;
  }
  if (thread % 8 == 0) {
    const int byte = neuron / 8;
    const int bytes = 4 * words_per_expert(args.rows_per_expert);
    unsigned bits = 0;
    for (int i = 0; i < 8; ++i) {
      bits |= (scratch.row_tokens[2 * (thread + i)] | scratch.row_tokens[2 * (thread + i) + 1]) != 0 ? 1u << i : 0u;
    }
    if (byte < bytes) args.union_bits[static_cast<int64_t>(expert) * bytes + byte] = static_cast<uint8_t>(bits);
  }
}

// The selection of a tile whose expert has no token.
template <class C>
__device__ void clear_selection(const RowGemmArgs& args, int expert, int first) {
  const int thread = threadIdx.x;
  if (thread >= RowGemmShape<C>::kRows) return;
  const int neuron = first + thread;
  const int bytes = 4 * words_per_expert(args.rows_per_expert);
  if (neuron < args.rows_per_expert) {
    args.token_bits[static_cast<int64_t>(expert) * args.rows_per_expert + neuron] = 0;
  }
  if (thread % 8 == 0 && neuron / 8 < bytes) args.union_bits[static_cast<int64_t>(expert) * bytes + neuron / 8] = 0;
}

template <class C>
__device__ void write_activation(const RowGemmArgs& args, const RowGemmScratch<C>& scratch, int rank, int row,
                                 int token, const float (&value)[RowGemmShape<C>::kRowKinds]) {
  using Element = typename C::Element;
  const ActiveNeuron neuron = scratch.neurons[row];
  float activation = 0.0f;
  if (token < args.tokens && (__ldcg(args.token_bits + neuron.row) >> token & 1) != 0) {
    const float gate = C::kRole == Role::gate_up
                           ? value[0]
                           : __ldcg(args.gate_values + static_cast<int64_t>(neuron.row) * args.tokens + token);
    activation = combine<C::kActivation>(gate, value[RowGemmShape<C>::kRowKinds - 1], args.threshold);
    if constexpr (C::kExperts > 1) activation *= scratch.routing_weights[token * C::kExperts + neuron.expert];
  }
  static_cast<Element*>(args.activations)[static_cast<int64_t>(rank) * C::kTokens + token] =
      from_float<Element>(activation);
}

}  // namespace turbosparse
