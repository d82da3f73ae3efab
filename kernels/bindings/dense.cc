// The exports of the dense path: what happens around its GEMMs, which are torch's.
#include <tvm/ffi/function.h>

#include "call.h"
#include "check.h"
#include "turbosparse/operators.h"

namespace turbosparse::bindings {
namespace {

constexpr int kMaxColumns = 1 << 20;

void check_matrix(const char* name, const TensorView& tensor) {
  if (tensor.ndim() != 2) {
    TVM_FFI_THROW(ValueError) << "argument `" << name << "` must have two dimensions, not shape " << shape_of(tensor);
  }
}

const uint8_t* checked_flags(const char* name, const Optional<TensorView>& flags, DLDevice device, int64_t rows) {
  if (!flags.has_value()) return nullptr;
  const TensorView tensor = flags.value();
  check_dtype(name, tensor, kBool);
  check_rows(name, tensor, device, {rows});
  return static_cast<const uint8_t*>(tensor.data_ptr());
}

// Scales are of columns, or with ends of experts and columns.
void set_scales(PackLogitsArgs& args, DLDevice device, const Optional<TensorView>& scale,
                const Optional<TensorView>& ends) {
  if (!scale.has_value()) {
    if (ends.has_value()) TVM_FFI_THROW(ValueError) << "argument `ends` must be None without `scale`";
    if (args.wide) TVM_FFI_THROW(ValueError) << "argument `scale` is needed for float32 logits";
    return;
  }
  const TensorView scales = scale.value();
  check_dtype("scale", scales, kFloat32);
  args.scales = static_cast<const float*>(scales.data_ptr());
  if (!ends.has_value()) {
    check_rows("scale", scales, device, {args.columns});
    return;
  }
  const TensorView groups = ends.value();
  check_dtype("ends", groups, kInt32);
  check_rows("ends", groups, device, {groups.numel()});
  args.experts = checked_int("ends", groups.numel(), 1, kMaxExperts);
  args.ends = static_cast<const int32_t*>(groups.data_ptr());
  check_rows("scale", scales, device, {args.experts, args.columns});
  args.scale_stride = scales.stride(0);
}

void pack_logits(TensorView logits, Optional<TensorView> scale, Optional<TensorView> ends, Optional<TensorView> dropped,
                 int64_t dtype, double threshold, TensorView token_bits, Optional<TensorView> union_bits) {
  check_matrix("logits", logits);
  const DLDevice device = logits.device();
  const DType rounded = checked_int("dtype", dtype, 0, 1) == 0 ? DType::bf16 : DType::fp16;
  PackLogitsArgs args{};
  args.wide = logits.dtype().code == kDLFloat && logits.dtype().bits == 32;
  if (!args.wide && weight_dtype("logits", logits) != rounded) {
    TVM_FFI_THROW(TypeError) << "argument `logits` must be of the dtype that `dtype` numbers, or float32";
  }
  args.rows = checked_int("logits", logits.size(0), 1, kMaxDenseRows);
  args.columns = checked_int("logits", logits.size(1), 1, kMaxColumns);
  check_tensor("logits", logits, device, {args.rows, args.columns});
  args.logits = logits.data_ptr();
  set_scales(args, device, scale, ends);
  args.dropped = checked_flags("dropped", dropped, device, args.rows);
  args.threshold = static_cast<float>(threshold);
  check_dtype("token_bits", token_bits, kInt64);
  check_rows("token_bits", token_bits, device, {(args.rows + 63) / 64, args.columns});
  args.token_bits = static_cast<uint64_t*>(token_bits.data_ptr());
  args.word_stride = token_bits.stride(0);
  if (union_bits.has_value()) {
    const TensorView bits = union_bits.value();
    check_dtype("union_bits", bits, kUint8);
    check_rows("union_bits", bits, device, {4 * ((args.columns + 31) / 32)});
    args.union_bits = static_cast<uint8_t*>(bits.data_ptr());
    if (reinterpret_cast<uintptr_t>(args.union_bits) % 4 != 0) {
      TVM_FFI_THROW(ValueError) << "argument `union_bits` must be aligned to 4 bytes";
    }
  }
  const DeviceGuard guard(device);
  raise_on_failure(turbosparse::pack_logits(rounded, args, stream_of(device)));
}

void activate(TensorView gate, TensorView up, Optional<TensorView> token_bits, Optional<TensorView> dropped,
              int64_t activation, double gate_threshold) {
  const DType dtype = weight_dtype("gate", gate);
  check_matrix("gate", gate);
  const DLDevice device = gate.device();
  const Gating gating = checked_gating(activation, gate_threshold);
  ActivateArgs args{};
  args.rows = checked_int("gate", gate.size(0), 1, kMaxDenseRows);
  args.columns = checked_int("gate", gate.size(1), 1, kMaxColumns);
  args.activation = gating.activation;
  args.threshold = gating.threshold;
  check_tensor("gate", gate, device, {args.rows, args.columns});
  check_dtype("up", up, gate.dtype());
  check_tensor("up", up, device, {args.rows, args.columns});
  args.gate = gate.data_ptr();
  args.up = up.data_ptr();
  if (token_bits.has_value()) {
    const TensorView bits = token_bits.value();
    check_dtype("token_bits", bits, kInt64);
    check_tensor("token_bits", bits, device, {(args.rows + 63) / 64, args.columns});
    args.token_bits = static_cast<const uint64_t*>(bits.data_ptr());
  }
  args.dropped = checked_flags("dropped", dropped, device, args.rows);
  const DeviceGuard guard(device);
  raise_on_failure(turbosparse::activate(dtype, args, stream_of(device)));
}

void group_tokens(TensorView topk_ids, Optional<TensorView> padding, TensorView token, TensorView position,
                  TensorView ends) {
  check_matrix("topk_ids", topk_ids);
  check_dtype("topk_ids", topk_ids, kInt32);
  const DLDevice device = topk_ids.device();
  GroupTokensArgs args{};
  args.tokens = checked_int("topk_ids", topk_ids.size(0), 1, kMaxDenseRows);
  args.top_k = checked_int("topk_ids", topk_ids.size(1), 1, kMaxExperts);
  checked_int("topk_ids", topk_ids.numel(), 1, kMaxDenseRows);
  check_tensor("topk_ids", topk_ids, device, {args.tokens, args.top_k});
  args.topk_ids = static_cast<const int32_t*>(topk_ids.data_ptr());
  args.padding = checked_flags("padding", padding, device, args.tokens);
  check_dtype("token", token, kInt32);
  check_rows("token", token, device, {topk_ids.numel()});
  args.token = static_cast<int32_t*>(token.data_ptr());
  check_dtype("position", position, kInt32);
  check_tensor("position", position, device, {args.tokens, args.top_k});
  args.position = static_cast<int32_t*>(position.data_ptr());
  check_dtype("ends", ends, kInt32);
  check_rows("ends", ends, device, {ends.numel()});
  args.experts = checked_int("ends", ends.numel(), 1, kMaxExperts);
  args.ends = static_cast<int32_t*>(ends.data_ptr());
  const DeviceGuard guard(device);
  raise_on_failure(turbosparse::group_tokens(args, stream_of(device)));
}

void sum_slots(TensorView rows, TensorView position, TensorView topk_weights, TensorView out) {
  const DType dtype = weight_dtype("out", out);
  check_matrix("out", out);
  check_matrix("position", position);
  const DLDevice device = out.device();
  SumSlotsArgs args{};
  args.tokens = checked_int("out", out.size(0), 1, kMaxDenseRows);
  args.hidden = checked_int("out", out.size(1), 8, kMaxColumns);
  args.top_k = checked_int("position", position.size(1), 1, kMaxExperts);
  if (args.hidden % 8 != 0) TVM_FFI_THROW(ValueError) << "argument `out` must have a multiple of 8 columns";
  check_tensor("out", out, device, {args.tokens, args.hidden});
  check_dtype("rows", rows, out.dtype());
  check_matrix("rows", rows);
  check_tensor("rows", rows, device, {rows.size(0), args.hidden});
  check_dtype("position", position, kInt32);
  check_tensor("position", position, device, {args.tokens, args.top_k});
  check_dtype("topk_weights", topk_weights, kFloat32);
  check_tensor("topk_weights", topk_weights, device, {args.tokens, args.top_k});
  args.rows = rows.data_ptr();
  args.position = static_cast<const int32_t*>(position.data_ptr());
  args.topk_weights = static_cast<const float*>(topk_weights.data_ptr());
  args.out = out.data_ptr();
  const DeviceGuard guard(device);
  raise_on_failure(turbosparse::sum_slots(dtype, args, stream_of(device)));
}

}  // namespace
}  // namespace turbosparse::bindings

TVM_FFI_DLL_EXPORT_TYPED_FUNC(pack_logits, turbosparse::bindings::pack_logits);
TVM_FFI_DLL_EXPORT_TYPED_FUNC(activate, turbosparse::bindings::activate);
TVM_FFI_DLL_EXPORT_TYPED_FUNC(group_tokens, turbosparse::bindings::group_tokens);
TVM_FFI_DLL_EXPORT_TYPED_FUNC(sum_slots, turbosparse::bindings::sum_slots);
