// The functions that the Python package calls: arguments checked, then the operator launched on torch's current stream.
// Those of the dense path are in dense.cc.
#include <tvm/ffi/function.h>
#include <tvm/ffi/string.h>

#include "call.h"
#include "check.h"
#include "turbosparse/operators.h"

namespace turbosparse::bindings {
namespace {

constexpr int kMaxRank = 8192;

int checked_tokens(const TensorView& x) {
  if (x.ndim() != 2 || x.size(0) < 1 || x.size(0) > kMaxTokens) {
    TVM_FFI_THROW(ValueError) << "argument `x` must have shape [tokens, hidden] with 1 to " << kMaxTokens
                              << " tokens, not " << shape_of(x);
  }
  return static_cast<int>(x.size(0));
}

// The shape that x and the neuron weights agree on; both are checked.
Shape ffn_shape(const TensorView& x, const TensorView& weights) {
  Shape shape{};
  shape.tokens = checked_tokens(x);
  shape.hidden = checked_int("x", x.size(1), 8, 1 << 17);
  shape.dtype = weight_dtype("x", x);
  check_tensor("x", x, x.device(), {shape.tokens, shape.hidden});
  const bool mixture = weights.ndim() == 4;
  if (!mixture && weights.ndim() != 3) {
    TVM_FFI_THROW(ValueError) << "argument `weights` must have shape [experts, intermediate, 3, hidden], not "
                              << shape_of(weights);
  }
  shape.experts = mixture ? checked_int("weights", weights.size(0), 1, kMaxExperts) : 1;
  shape.intermediate = checked_int("weights", weights.size(mixture ? 1 : 0), 1, 1 << 20);
  check_dtype("weights", weights, x.dtype());
  check_tensor("weights", weights, x.device(), {shape.experts, shape.intermediate, 3, shape.hidden}, 0);
  return shape;
}

void check_active_set(const Shape& shape, DLDevice device, const TensorView& union_bits, const TensorView& token_bits) {
  check_dtype("union_bits", union_bits, kUint8);
  check_tensor("union_bits", union_bits, device, {shape.experts, 4 * ((shape.intermediate + 31) / 32)}, 0);
  check_dtype("token_bits", token_bits, kInt64);
  check_tensor("token_bits", token_bits, device, {shape.experts, shape.intermediate}, 0);
}

ActiveSet active_set(const TensorView& union_bits, const TensorView& token_bits) {
  return {static_cast<uint8_t*>(union_bits.data_ptr()), static_cast<uint64_t*>(token_bits.data_ptr())};
}

Routing checked_routing(const Shape& shape, DLDevice device, const Optional<TensorView>& topk_ids,
                        const Optional<TensorView>& topk_weights, bool weights_needed) {
  if (shape.experts == 1) {
    if (topk_ids.has_value()) TVM_FFI_THROW(ValueError) << "argument `topk_ids` must be None for one expert";
    return {};
  }
  if (!topk_ids.has_value()) TVM_FFI_THROW(ValueError) << "argument `topk_ids` is needed for several experts";
  Routing routing;
  const TensorView ids = topk_ids.value();
  check_dtype("topk_ids", ids, kInt32);
  if (ids.ndim() != 2) {
    TVM_FFI_THROW(ValueError) << "argument `topk_ids` must have shape [tokens, top_k], not " << shape_of(ids);
  }
  routing.top_k = checked_int("topk_ids", ids.size(1), 1, kMaxExperts);
  check_tensor("topk_ids", ids, device, {shape.tokens, routing.top_k});
  routing.topk_ids = static_cast<const int32_t*>(ids.data_ptr());
  if (weights_needed) {
    if (!topk_weights.has_value()) TVM_FFI_THROW(ValueError) << "argument `topk_weights` is needed for several experts";
    const TensorView weights = topk_weights.value();
    check_dtype("topk_weights", weights, kFloat32);
    check_tensor("topk_weights", weights, device, {shape.tokens, routing.top_k});
    routing.topk_weights = static_cast<const float*>(weights.data_ptr());
  }
  return routing;
}

const uint8_t* checked_padding(const Shape& shape, DLDevice device, const Optional<TensorView>& padding) {
  if (!padding.has_value()) return nullptr;
  const TensorView tensor = padding.value();
  check_dtype("padding", tensor, kBool);
  if (tensor.ndim() != 1 || tensor.size(0) != shape.tokens || !tensor.IsContiguous() ||
      tensor.device().device_type != device.device_type || tensor.device().device_id != device.device_id) {
    TVM_FFI_THROW(ValueError) << "argument `padding` must be a contiguous tensor of shape [" << shape.tokens
                              << "] on the device of `x`, not " << shape_of(tensor);
  }
  return static_cast<const uint8_t*>(tensor.data_ptr());
}

void check_out(const Shape& shape, const TensorView& x, const TensorView& out) {
  check_dtype("out", out, x.dtype());
  check_tensor("out", out, x.device(), {shape.tokens, shape.hidden});
}

void predict(TensorView x, TensorView fc1, TensorView fc2, Optional<TensorView> fc2_low, Optional<TensorView> fc2_scale,
             double threshold, Optional<TensorView> topk_ids, Optional<TensorView> padding, TensorView workspace,
             TensorView union_bits, TensorView token_bits) {
  Shape shape{};
  shape.tokens = checked_tokens(x);
  shape.hidden = checked_int("x", x.size(1), 8, 1 << 17);
  shape.dtype = weight_dtype("x", x);
  check_tensor("x", x, x.device(), {shape.tokens, shape.hidden});
  if (fc1.ndim() != 2 && fc1.ndim() != 3) {
    TVM_FFI_THROW(ValueError) << "argument `fc1` must have shape [experts, rank, hidden], not " << shape_of(fc1);
  }
  shape.experts = fc1.ndim() == 3 ? checked_int("fc1", fc1.size(0), 1, kMaxExperts) : 1;
  const int rank = checked_int("fc1", fc1.size(fc1.ndim() - 2), 1, kMaxRank);
  if (rank % 64 != 0) {
    TVM_FFI_THROW(ValueError) << "argument `fc1` must have a rank that is a multiple of 64, not " << rank;
  }
  check_dtype("fc1", fc1, x.dtype());
  check_tensor("fc1", fc1, x.device(), {shape.experts, rank, shape.hidden}, 0);
  if (fc2.ndim() != fc1.ndim()) {
    TVM_FFI_THROW(ValueError) << "argument `fc2` must have shape [experts, intermediate, rank], not " << shape_of(fc2);
  }
  shape.intermediate = checked_int("fc2", fc2.size(fc2.ndim() - 2), 1, 1 << 20);
  check_tensor("fc2", fc2, x.device(), {shape.experts, shape.intermediate, rank}, 0);
  Predictor predictor{fc1.data_ptr(), fc2.data_ptr(), nullptr, nullptr, rank, static_cast<float>(threshold)};
  if (fc2_low.has_value() != fc2_scale.has_value()) {
    TVM_FFI_THROW(ValueError) << "arguments `fc2_low` and `fc2_scale` must be given together";
  }
  check_dtype("fc2", fc2, fc2_low.has_value() ? kInt8 : x.dtype());
  if (fc2_low.has_value()) {
    const TensorView low = fc2_low.value();
    const TensorView scale = fc2_scale.value();
    check_dtype("fc2_low", low, kInt8);
    check_tensor("fc2_low", low, x.device(), {shape.experts, shape.intermediate, rank}, 0);
    check_dtype("fc2_scale", scale, kFloat32);
    check_tensor("fc2_scale", scale, x.device(), {shape.experts, shape.intermediate}, 0);
    predictor.fc2_low = static_cast<const int8_t*>(low.data_ptr());
    predictor.fc2_scale = static_cast<const float*>(scale.data_ptr());
  }
  const Routing routing = checked_routing(shape, x.device(), topk_ids, {}, false);
  const uint8_t* padded = checked_padding(shape, x.device(), padding);
  check_active_set(shape, x.device(), union_bits, token_bits);
  const DeviceGuard guard(x.device());
  check_workspace(workspace, x.device(), predict_workspace_bytes(shape, rank));
  raise_on_failure(turbosparse::predict(shape, x.data_ptr(), predictor, routing, padded, workspace.data_ptr(),
                                        active_set(union_bits, token_bits), stream_of(x.device())));
}

void ffn(TensorView x, TensorView weights, TensorView union_bits, TensorView token_bits, int64_t activation,
         double gate_threshold, Optional<TensorView> topk_ids, Optional<TensorView> topk_weights, TensorView workspace,
         TensorView out) {
  const Shape shape = ffn_shape(x, weights);
  const Gating gating = checked_gating(activation, gate_threshold);
  const Routing routing = checked_routing(shape, x.device(), topk_ids, topk_weights, true);
  check_active_set(shape, x.device(), union_bits, token_bits);
  check_out(shape, x, out);
  const DeviceGuard guard(x.device());
  check_workspace(workspace, x.device(), ffn_workspace_bytes(shape));
  raise_on_failure(turbosparse::ffn(shape, x.data_ptr(), weights.data_ptr(), active_set(union_bits, token_bits), gating,
                                    routing, workspace.data_ptr(), out.data_ptr(), stream_of(x.device())));
}

void gate_first(TensorView x, TensorView weights, int64_t activation, double gate_threshold,
                Optional<TensorView> topk_ids, Optional<TensorView> topk_weights, Optional<TensorView> padding,
                TensorView workspace, TensorView out) {
  const Shape shape = ffn_shape(x, weights);
  const Gating gating = checked_gating(activation, gate_threshold);
  const Routing routing = checked_routing(shape, x.device(), topk_ids, topk_weights, true);
  const uint8_t* padded = checked_padding(shape, x.device(), padding);
  check_out(shape, x, out);
  const DeviceGuard guard(x.device());
  check_workspace(workspace, x.device(), gate_first_workspace_bytes(shape));
  raise_on_failure(turbosparse::gate_first(shape, x.data_ptr(), weights.data_ptr(), gating, routing, padded,
                                           workspace.data_ptr(), out.data_ptr(), stream_of(x.device())));
}

void pack_mask(TensorView mask, TensorView union_bits, TensorView token_bits) {
  if (mask.ndim() != 2 && mask.ndim() != 3) {
    TVM_FFI_THROW(ValueError) << "argument `mask` must have shape [tokens, experts, intermediate], not "
                              << shape_of(mask);
  }
  Shape shape{};
  shape.tokens = checked_int("mask", mask.size(0), 1, kMaxTokens);
  shape.experts = mask.ndim() == 3 ? checked_int("mask", mask.size(1), 1, kMaxExperts) : 1;
  shape.intermediate = checked_int("mask", mask.size(mask.ndim() - 1), 1, 1 << 20);
  check_dtype("mask", mask, kBool);
  check_tensor("mask", mask, mask.device(), {shape.tokens, shape.experts, shape.intermediate}, 1);
  check_active_set(shape, mask.device(), union_bits, token_bits);
  const DeviceGuard guard(mask.device());
  raise_on_failure(turbosparse::pack_mask(shape, static_cast<const uint8_t*>(mask.data_ptr()),
                                          active_set(union_bits, token_bits), stream_of(mask.device())));
}

int64_t workspace_bytes(tvm::ffi::String op, int64_t tokens, int64_t hidden, int64_t intermediate, int64_t experts,
                        int64_t rank) {
  Shape shape{};
  shape.tokens = checked_int("tokens", tokens, 1, kMaxTokens);
  shape.hidden = checked_int("hidden", hidden, 8, 1 << 17);
  shape.intermediate = checked_int("intermediate", intermediate, 1, 1 << 20);
  shape.experts = checked_int("experts", experts, 1, kMaxExperts);
  int64_t bytes = 0;
  if (op == "predict") {
    bytes = predict_workspace_bytes(shape, checked_int("rank", rank, 1, kMaxRank));
  } else if (op == "ffn") {
    bytes = ffn_workspace_bytes(shape);
  } else if (op == "gate_first") {
    bytes = gate_first_workspace_bytes(shape);
  } else {
    TVM_FFI_THROW(ValueError) << "argument `op` must be predict, ffn or gate_first, not " << op;
  }
  if (bytes < 0) TVM_FFI_THROW(RuntimeError) << "there is no usable CUDA device";
  return bytes;
}

tvm::ffi::String built_kernels() { return turbosparse::built_kernels(); }

}  // namespace
}  // namespace turbosparse::bindings

TVM_FFI_DLL_EXPORT_TYPED_FUNC(predict, turbosparse::bindings::predict);
TVM_FFI_DLL_EXPORT_TYPED_FUNC(ffn, turbosparse::bindings::ffn);
TVM_FFI_DLL_EXPORT_TYPED_FUNC(gate_first, turbosparse::bindings::gate_first);
TVM_FFI_DLL_EXPORT_TYPED_FUNC(pack_mask, turbosparse::bindings::pack_mask);
TVM_FFI_DLL_EXPORT_TYPED_FUNC(workspace_bytes, turbosparse::bindings::workspace_bytes);
TVM_FFI_DLL_EXPORT_TYPED_FUNC(built_kernels, turbosparse::bindings::built_kernels);
