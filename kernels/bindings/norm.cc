// The exports of the norms between a decoder's branches.
#include <tvm/ffi/function.h>

#include "call.h"
#include "check.h"
#include "turbosparse/operators.h"

namespace turbosparse::bindings {
namespace {

void add_rms_norm(TensorView x, TensorView residual, TensorView weight, double epsilon, TensorView normed,
                  TensorView sum) {
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
  const DeviceGuard guard(device);
  raise_on_failure(turbosparse::add_rms_norm(dtype, args, stream_of(device)));
}

}  // namespace
}  // namespace turbosparse::bindings

TVM_FFI_DLL_EXPORT_TYPED_FUNC(add_rms_norm, turbosparse::bindings::add_rms_norm);
