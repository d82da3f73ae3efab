// The operators: plain functions on device pointers that every binding shares. They choose the built kernels for the
// shape and the current device, and launch them on the stream. They neither allocate nor synchronise, and the grid does
// not depend on data. Pointers are not checked; bindings do that.
#pragma once

#include "turbosparse/args.h"
#include "turbosparse/types.h"

namespace turbosparse {

struct Shape {
  DType dtype;
  int tokens;  // 1 to kMaxTokens
  int hidden;
  int intermediate;  // neurons of one expert
  int experts;       // 1 for a dense FFN
};

struct Gating {
  Activation activation;
  float threshold;  // FATReLU's; 0 is ReLU
};

struct ActiveSet {
  uint8_t* union_bits;   // [experts, 4 * ceil(intermediate / 32)]
  uint64_t* token_bits;  // [experts, intermediate]
};

struct Predictor {
  const void* fc1;         // [experts, rank, hidden]
  const void* fc2;         // [experts, intermediate, rank]; int8 where fc2_low is given
  const int8_t* fc2_low;   // nullptr, or fc2's second plane: a weight is fc2_scale * (fc2 + fc2_low / 256)
  const float* fc2_scale;  // [experts, intermediate], with fc2_low
  int rank;                // a multiple of 64
  float threshold;         // a neuron is kept unless its logit, rounded to the dtype, is at most this
};

// Workspaces are 256-byte aligned and need as many bytes as the function beside says; negative means no device.
int64_t predict_workspace_bytes(const Shape& shape, int rank);
Status predict(const Shape& shape, const void* x, const Predictor& predictor, const Routing& routing,
               const uint8_t* padding, void* workspace, const ActiveSet& out, cudaStream_t stream);

int64_t ffn_workspace_bytes(const Shape& shape);
Status ffn(const Shape& shape, const void* x, const void* weights, const ActiveSet& active, const Gating& gating,
           const Routing& routing, void* workspace, void* out, cudaStream_t stream);

int64_t gate_first_workspace_bytes(const Shape& shape);
Status gate_first(const Shape& shape, const void* x, const void* weights, const Gating& gating, const Routing& routing,
                  const uint8_t* padding, void* workspace, void* out, cudaStream_t stream);

Status pack_mask(const Shape& shape, const uint8_t* mask, const ActiveSet& out, cudaStream_t stream);

// What the dense path does around its GEMMs; launch/dense.cc. Rows are up to kMaxDenseRows.
inline constexpr int kMaxDenseRows = 65535 * 16;
Status pack_logits(DType dtype, const PackLogitsArgs& args, cudaStream_t stream);
Status activate(DType dtype, const ActivateArgs& args, cudaStream_t stream);
Status group_tokens(const GroupTokensArgs& args, cudaStream_t stream);
Status sum_slots(DType dtype, const SumSlotsArgs& args, cudaStream_t stream);

// What a server does between the branches of a decoder; launch/norm.cc. Rows are up to kMaxDenseRows.
Status add_rms_norm(DType dtype, const AddRmsNormArgs& args, cudaStream_t stream);

// The names of all built kernels, one a line.
std::string built_kernels();

}  // namespace turbosparse
