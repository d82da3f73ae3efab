// What each kernel family is launched with: raw device pointers and sizes. Shapes are in brackets, slowest first.
#pragma once

#include "turbosparse/types.h"

namespace turbosparse {

// Which experts each token goes to. topk_ids == nullptr means a dense FFN: one expert, weight 1.
struct Routing {
  const int32_t* topk_ids = nullptr;    // [tokens, top_k]; ids outside [0, experts) route nowhere
  const float* topk_weights = nullptr;  // [tokens, top_k]
  int top_k = 0;
};

struct FfnStreamArgs {
  const void* x;               // [tokens, hidden]
  const void* weights;         // [experts, intermediate, 3, hidden]
  const uint8_t* union_bits;   // [experts, 4 * ceil(intermediate / 32)]
  const uint64_t* token_bits;  // [experts, intermediate]
  const float* gate_values;    // [experts, intermediate, tokens], Role::gate_given only
  Routing routing;
  int tokens;
  int intermediate;
  float gate_threshold;
  float* partials;  // [parts, tokens, hidden], room for max_parts
  int max_parts;
  int* parts;  // host, out: rows of partials written
};

struct RowGemmArgs {
  const void* rows;        // fc1 [experts, rank, hidden], fc2 [experts, intermediate, rank] or the neuron weights
  const int8_t* low_rows;  // int8 rows: their second plane, of 1/256 of a step
  const float* scales;     // int8 rows: [experts, rows_per_expert]
  const void* x;           // [tokens, depth]; Role::select: hidden layer [experts, tokens, depth]
  int rows_per_expert;     // Role::fc1: rank; else intermediate
  int depth;               // row length; Role::select: the rank, at most the rank class
  int tokens;
  Routing routing;
  const uint8_t* padding;  // [tokens] or nullptr; a marked token activates nothing
  float threshold;         // Role::select: of the logit; else of the gate
  void* hidden_layer;      // Role::fc1 out: [experts, tokens, rank]
  uint8_t* union_bits;     // out for select and gate, in for gate_up and up
  uint64_t* token_bits;    // likewise
  float* gate_values;      // [experts, intermediate, tokens]: out for gate, in for up
  void* activations;       // gate_up and up out: by rank in the union, laid out by activation_index()
};

struct UnionDownArgs {
  const void* weights;        // [experts, intermediate, 3, hidden]
  const uint8_t* union_bits;  // [experts, 4 * ceil(intermediate / 32)]
  const void* activations;    // [neurons of the union, kTokens of the kernel], swizzled by activation_index()
  int tokens;
  int intermediate;
  float* partials;  // [parts, tokens, hidden], room for max_parts
  int max_parts;
  int* parts;  // host, out
};

struct ReduceArgs {
  const float* partials;  // [parts, elements]
  int parts;
  int elements;  // tokens * hidden, a multiple of 4
  void* out;     // [elements]
};

struct PackMaskArgs {
  const uint8_t* mask;  // [tokens, experts, intermediate], 0 or 1
  int tokens;
  int experts;
  int intermediate;
  uint8_t* union_bits;
  uint64_t* token_bits;
};

struct PackLogitsArgs {
  const void* logits;      // [rows, columns]; row r is token r
  bool wide;               // logits are float32 instead of the dtype; they have scales then
  const float* scales;     // nullptr, or what a column's logit is multiplied by before it is rounded: [columns], or
  int64_t scale_stride;    // with ends one row for each expert, so many elements apart
  const int32_t* ends;     // nullptr, or [experts] with scales: the row after the last of each expert
  int experts;             // with ends
  const uint8_t* dropped;  // [rows] or nullptr: rows that activate nothing
  int rows;
  int columns;
  float threshold;
  uint64_t* token_bits;  // out: [ceil(rows / 64), columns], rows so many elements apart:
  int64_t word_stride;
  uint8_t* union_bits;  // nullptr, or [4 * ceil(columns / 32)], to whose bits those of active columns are added
};

struct ActivateArgs {
  void* gate;                  // [rows, columns], in: gate values, out: activations
  const void* up;              // [rows, columns]
  const uint64_t* token_bits;  // [ceil(rows / 64), columns] or nullptr: row r is token r
  const uint8_t* dropped;      // [rows] or nullptr: rows that activate nothing
  int rows;
  int columns;
  Activation activation;
  float threshold;  // of the gate
};

struct GroupTokensArgs {
  const int32_t* topk_ids;  // [tokens, top_k]; ids outside [0, experts) route nowhere
  const uint8_t* padding;   // [tokens] or nullptr; a marked token routes nowhere
  int tokens;
  int top_k;
  int experts;
  int32_t* token;     // out: [tokens * top_k], the token of each row; rows are slots sorted by expert
  int32_t* position;  // out: [tokens, top_k], the row of each slot, or -1 of no expert
  int32_t* ends;      // out: [experts], the row after the last of each
};

struct SumSlotsArgs {
  const void* rows;           // [.., hidden]
  const int32_t* position;    // [tokens, top_k], the row of each slot, or -1 of none
  const float* topk_weights;  // [tokens, top_k]
  int tokens;
  int top_k;
  int hidden;  // a multiple of 8
  void* out;   // [tokens, hidden]
};

struct AddRmsNormArgs {
  const void* x;         // [rows, hidden]
  const void* residual;  // [rows, hidden]
  const void* weight;    // [hidden]
  float epsilon;
  int rows;
  int hidden;    // a multiple of 8, up to kMaxNormColumns
  void* normed;  // out: [rows, hidden]
  void* sum;     // out: [rows, hidden], x + residual

  const void* router;   // [experts, hidden] or nullptr, without which the following is not looked at
  int experts;          // up to kMaxExperts
  int top_k;            // up to experts and 32
  int32_t* topk_ids;    // out: [rows, top_k]
  float* topk_weights;  // out: [rows, top_k]
};

}  // namespace turbosparse
