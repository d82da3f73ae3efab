#include "turbosparse/operators.h"

#include <algorithm>

#include "select_kernel.h"

namespace turbosparse {
namespace {

// Columns of an output that a block of union_down owns at most: there are no more partial outputs than blocks for each.
constexpr int kUnionColumns = 256;

// Hands out 256-byte aligned pieces; with a null base it only counts.
class Carver {
 public:
  explicit Carver(void* base) : base_(reinterpret_cast<uintptr_t>(base)) {}
  template <class T>
  T* take(int64_t count) {
    auto* piece = reinterpret_cast<T*>(base_ + used_);
    used_ += (count * static_cast<int64_t>(sizeof(T)) + 255) / 256 * 256;
    return piece;
  }
  int64_t used() const { return used_; }

 private:
  uintptr_t base_;
  int64_t used_ = 0;
};

int multiprocessors() {
  int device = 0;
  int count = 0;
  if (cudaGetDevice(&device) != cudaSuccess) return -1;
  if (cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device) != cudaSuccess) return -1;
  return count;
}

int padded_tokens(int tokens) { return tokens <= 8 ? 8 : tokens <= 16 ? 16 : tokens <= 32 ? 32 : 64; }
int64_t neurons(const Shape& shape) { return static_cast<int64_t>(shape.experts) * shape.intermediate; }
int64_t bitmap_bytes(const Shape& shape) {
  return static_cast<int64_t>(shape.experts) * 4 * ((shape.intermediate + 31) / 32);
}

struct FfnWorkspace {
  float* partials;
  int max_parts;
  uint16_t* activations;
};

// Room for both paths, since a width may have no streaming kernel for few tokens.
FfnWorkspace carve_ffn(Carver& carver, const Shape& shape) {
  FfnWorkspace out{};
  const int blocks = std::max(multiprocessors(), 1);
  out.max_parts = shape.tokens <= kMaxStreamTokens ? blocks : std::max(1, blocks * kUnionColumns / shape.hidden);
  out.partials = carver.take<float>(static_cast<int64_t>(out.max_parts) * shape.tokens * shape.hidden);
  out.activations = carver.take<uint16_t>(neurons(shape) * padded_tokens(shape.tokens));
  return out;
}

struct GateFirstWorkspace {
  FfnWorkspace ffn;
  ActiveSet active;
  float* gate_values;
};

GateFirstWorkspace carve_gate_first(Carver& carver, const Shape& shape) {
  GateFirstWorkspace out{};
  out.ffn = carve_ffn(carver, shape);
  out.active = {carver.take<uint8_t>(bitmap_bytes(shape)), carver.take<uint64_t>(neurons(shape))};
  out.gate_values = carver.take<float>(neurons(shape) * shape.tokens);
  return out;
}

// The arch of a key is ignored.
KernelKey key_of(const Shape& shape, Role role, int depth, Activation activation, int weight_bits = 16) {
  return {Arch::sm_80, shape.dtype, weight_bits, role, depth, activation, shape.experts, shape.tokens};
}

// What all roles that read neuron weights have in common.
RowGemmArgs neuron_rows(const Shape& shape, const void* x, const void* weights, const Gating& gating,
                        const Routing& routing, const ActiveSet& active, const float* gate_values) {
  RowGemmArgs args{};
  args.rows = weights;
  args.x = x;
  args.rows_per_expert = shape.intermediate;
  args.depth = shape.hidden;
  args.tokens = shape.tokens;
  args.routing = routing;
  args.threshold = gating.threshold;
  args.union_bits = active.union_bits;
  args.token_bits = active.token_bits;
  args.gate_values = const_cast<float*>(gate_values);
  return args;
}

Status reduce(const Shape& shape, const FfnWorkspace& workspace, int parts, void* out, cudaStream_t stream) {
  const ReduceArgs args{workspace.partials, parts, shape.tokens * shape.hidden, out};
  return launch_kernel("reduce", reduce_table, support_key(shape.dtype), args, stream);
}

// The FFN over an active set; gate_values is null unless the gates were evaluated before.
Status sparse_ffn(const Shape& shape, const void* x, const void* weights, const ActiveSet& active,
                  const float* gate_values, const Gating& gating, const Routing& routing, const FfnWorkspace& workspace,
                  void* out, cudaStream_t stream) {
  const bool whole = gate_values == nullptr;
  const KernelKey stream_key = key_of(shape, whole ? Role::whole : Role::gate_given, shape.hidden, gating.activation);
  const KernelKey union_key = key_of(shape, whole ? Role::gate_up : Role::up, shape.hidden, gating.activation);
  ArchPreference preference;
  if (Status status = arch_preference(&preference); !status.ok()) return status;
  // Rows that no ffn_stream kernel fits take the union path at any number of tokens.
  const bool streams =
      shape.tokens <= kMaxStreamTokens && (find_kernel(ffn_stream_table, preference, stream_key) != nullptr ||
                                           find_kernel(row_gemm_table, preference, union_key) == nullptr);
  int parts = 0;
  if (streams) {
    FfnStreamArgs args{};
    args.x = x;
    args.weights = weights;
    args.union_bits = active.union_bits;
    args.token_bits = active.token_bits;
    args.gate_values = gate_values;
    args.routing = routing;
    args.tokens = shape.tokens;
    args.intermediate = shape.intermediate;
    args.gate_threshold = gating.threshold;
    args.partials = workspace.partials;
    args.max_parts = workspace.max_parts;
    args.parts = &parts;
    if (Status status = launch_kernel("ffn_stream", ffn_stream_table, stream_key, args, stream); !status.ok()) {
      return status;
    }
  } else {
    RowGemmArgs args = neuron_rows(shape, x, weights, gating, routing, active, gate_values);
    args.activations = workspace.activations;
    if (Status status = launch_kernel("row_gemm", row_gemm_table, union_key, args, stream); !status.ok()) return status;

    const UnionDownArgs down{weights,
                             active.union_bits,
                             workspace.activations,
                             shape.tokens,
                             shape.intermediate,
                             workspace.partials,
                             workspace.max_parts,
                             &parts};
    const KernelKey down_key = key_of(shape, Role::none, shape.hidden, Activation::drelu);
    if (Status status = launch_kernel("union_down", union_down_table, down_key, down, stream); !status.ok()) {
      return status;
    }
  }
  return reduce(shape, workspace, parts, out, stream);
}

}  // namespace

int64_t predict_workspace_bytes(const Shape& shape, int rank) {
  Carver carver(nullptr);
  carver.take<uint16_t>(static_cast<int64_t>(shape.experts) * shape.tokens * rank);
  return carver.used();
}

Status predict(const Shape& shape, const void* x, const Predictor& predictor, const Routing& routing,
               const uint8_t* padding, void* workspace, const ActiveSet& out, cudaStream_t stream) {
  RowGemmArgs args{};
  args.rows = predictor.fc1;
  args.x = x;
  args.rows_per_expert = predictor.rank;
  args.depth = shape.hidden;
  args.tokens = shape.tokens;
  args.routing = routing;
  args.padding = padding;
  args.hidden_layer = workspace;
  const KernelKey fc1 = key_of(shape, Role::fc1, shape.hidden, Activation::drelu);
  if (Status status = launch_kernel("row_gemm", row_gemm_table, fc1, args, stream); !status.ok()) return status;

  args.rows = predictor.fc2;
  args.low_rows = predictor.fc2_low;
  args.scales = predictor.fc2_scale;
  args.x = workspace;
  args.rows_per_expert = shape.intermediate;
  args.depth = predictor.rank;
  args.threshold = predictor.threshold;
  args.hidden_layer = nullptr;
  args.union_bits = out.union_bits;
  args.token_bits = out.token_bits;
  const int bits = predictor.fc2_low == nullptr ? 16 : 8;
  const KernelKey select = key_of(shape, Role::select, predictor.rank, Activation::drelu, bits);
  return launch_kernel("row_gemm", row_gemm_table, select, args, stream);
}

int64_t ffn_workspace_bytes(const Shape& shape) {
  if (multiprocessors() < 0) return -1;
  Carver carver(nullptr);
  carve_ffn(carver, shape);
  return carver.used();
}

Status ffn(const Shape& shape, const void* x, const void* weights, const ActiveSet& active, const Gating& gating,
           const Routing& routing, void* workspace, void* out, cudaStream_t stream) {
  Carver carver(workspace);
  return sparse_ffn(shape, x, weights, active, nullptr, gating, routing, carve_ffn(carver, shape), out, stream);
}

int64_t gate_first_workspace_bytes(const Shape& shape) {
  if (multiprocessors() < 0) return -1;
  Carver carver(nullptr);
  carve_gate_first(carver, shape);
  return carver.used();
}

Status gate_first(const Shape& shape, const void* x, const void* weights, const Gating& gating, const Routing& routing,
                  const uint8_t* padding, void* workspace, void* out, cudaStream_t stream) {
  Carver carver(workspace);
  const GateFirstWorkspace pieces = carve_gate_first(carver, shape);
  RowGemmArgs args = neuron_rows(shape, x, weights, gating, routing, pieces.active, pieces.gate_values);
  args.padding = padding;
  const KernelKey gate = key_of(shape, Role::gate, shape.hidden, gating.activation);
  if (Status status = launch_kernel("row_gemm", row_gemm_table, gate, args, stream); !status.ok()) return status;
  return sparse_ffn(shape, x, weights, pieces.active, pieces.gate_values, gating, routing, pieces.ffn, out, stream);
}

Status pack_mask(const Shape& shape, const uint8_t* mask, const ActiveSet& out, cudaStream_t stream) {
  const PackMaskArgs args{mask, shape.tokens, shape.experts, shape.intermediate, out.union_bits, out.token_bits};
  return launch_support("pack_mask", pack_mask_table, args, stream);
}

namespace {
template <class Args>
void append_names(std::string& names, const KernelTable<Args>& table) {
  for (int i = 0; i < table.count; ++i) names += std::string(names.empty() ? "" : "\n") + table.entries[i].name;
}
}  // namespace

std::string built_kernels() {
  std::string names;
  append_names(names, ffn_stream_table);
  append_names(names, row_gemm_table);
  append_names(names, union_down_table);
  // All support kernels of a dtype come together.
  append_names(names, reduce_table);
  return names;
}

}  // namespace turbosparse
