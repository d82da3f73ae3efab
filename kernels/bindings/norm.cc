// The exports of the norms between a decoder's branches.
#include <tvm/ffi/function.h>

#include <algorithm>

#include "call.h"
#include "check.h"
#include "turbosparse/operators.h"

namespace turbosparse::bindings {
namespace {

// The largest number of experts that a token is routed to: a lane of a warp each.
constexpr int kMaxTopK = 32;

void set_router(AddRmsNormArgs& args, const TensorView& x, const TensorView& router,
                const Optional<TensorView>& topk_ids, const Optional<TensorView>& topk_weights) {
  const DLDevice device = x.device();
  if (!topk_ids.has_value() || !topk_weights.has_value()) {
    TVM_FFI_THROW(ValueError) << "arguments `topk_ids` and `topk_weights` are needed with `router`";
  }
  if (router.ndim() != 2) {
    TVM_FFI_THROW(ValueError) << "argument `router` must have two dimensions, not shape " << shape_of(router);
  }
  args.experts = checked_int("router", router.size(0), 1, kMaxExperts);
  check_dtype("router", router, x.dtype());
  check_tensor("router", router, device, {args.experts, args.hidden});
  args.router = router.data_ptr();
  const TensorView ids = topk_ids.value();
  const TensorView weights = topk_weights.value();
  if (ids.ndim() != 2) {
    TVM_FFI_THROW(ValueError) << "argument `topk_ids` must have two dimensions, not shape " << shape_of(ids);
  }
  args.top_k = checked_int("topk_ids", ids.size(1), 1, std::min(args.experts, kMaxTopK));
  check_dtype("topk_ids", ids, kInt32);
  check_tensor("topk_ids", ids, device, {args.rows, args.top_k});
  check_dtype("topk_weights", weights, kFloat32);
  check_tensor("topk_weights", weights, device, {args.rows, args.top_k});
  args.topk_ids = static_cast<int32_t*>(ids.data_ptr());
  args.topk_weights = static_cast<float*>(weights.data_ptr());
}

void add_rms_norm(TensorView x, TensorView residual, TensorView weight, double epsilon, Optional<TensorView> router,
                  TensorView normed, TensorView sum, Optional<TensorView> topk_ids, Optional<TensorView> topk_weights) {
  const DType dtype = weight_dtype("x", x);
  if (x.ndim() != 2) TVM_FFI_THROW(ValueError) << "argument `x` must have two dimensions, not shape " << shape_of(x);
  const DLDevice device = x.device();
  AddRmsNormArgs args{};
  args.rows = checked_int("x", x.size(0), 1, kMaxDenseRows);
  args.hidden = checked_int("x", x.size(1), 8, kMaxNormColumns);
  if (args.hidden % 8 != 0) TVM_FFI_THROW(ValueError) << "argument `x` must have a multiple of 8 columns";
  args.epsilon = static_cast<float>(epsilon);
  const auto checked = [&](const char* name, const TensorView& tensor) {
    check_dtype(name, tensor, x.dtype());
    check_tensor(name, tensor, device, {args.rows, args.hidden});
    return tensor.data_ptr();
  };
  args.x = checked("x", x);
  args.residual = checked("residual", residual);
  check_dtype("weight", weight, x.dtype());
  check_tensor("weight", weight, device, {args.hidden});
  args.weight = weight.data_ptr();
  args.normed = checked("normed", normed);
  args.sum = checked("sum", sum);
  if (router.has_value()) set_router(args, x, router.value(), topk_ids, topk_weights);
  const DeviceGuard guard(device);
  raise_on_failure(turbosparse::add_rms_norm(dtype, args, stream_of(device)));
}

}  // namespace
}  // namespace turbosparse::bindings

TVM_FFI_DLL_EXPORT_TYPED_FUNC(add_rms_norm, turbosparse::bindings::add_rms_norm);
