// Argument checks of the tvm-ffi exports. Each failure is a Python exception that names the argument.
#pragma once

#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/error.h>
#include <tvm/ffi/optional.h>

#include <cstdint>
#include <initializer_list>
#include <string>

#include "turbosparse/operators.h"

namespace turbosparse::bindings {

using tvm::ffi::Optional;
using tvm::ffi::TensorView;

inline constexpr DLDataType kUint8{kDLUInt, 8, 1};
inline constexpr DLDataType kInt32{kDLInt, 32, 1};
inline constexpr DLDataType kInt64{kDLInt, 64, 1};
inline constexpr DLDataType kInt8{kDLInt, 8, 1};
inline constexpr DLDataType kFloat32{kDLFloat, 32, 1};
inline constexpr DLDataType kBool{kDLBool, 8, 1};

inline std::string name_of(DLDataType dtype) {
  const char* code = dtype.code == kDLFloat    ? "float"
                     : dtype.code == kDLBfloat ? "bfloat"
                     : dtype.code == kDLInt    ? "int"
                     : dtype.code == kDLUInt   ? "uint"
                     : dtype.code == kDLBool   ? "bool"
                                               : "opaque";
  return dtype.code == kDLBool ? code : code + std::to_string(dtype.bits);
}

inline std::string shape_of(const TensorView& tensor) {
  std::string text = "[";
  for (int i = 0; i < tensor.ndim(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(tensor.size(i));
  return text + "]";
}

inline void check_dtype(const char* name, const TensorView& tensor, DLDataType wanted) {
  const DLDataType found = tensor.dtype();
  if (found.code != wanted.code || found.bits != wanted.bits || found.lanes != wanted.lanes) {
    TVM_FFI_THROW(TypeError) << "argument `" << name << "` must be " << name_of(wanted) << ", not " << name_of(found);
  }
}

inline DType weight_dtype(const char* name, const TensorView& tensor) {
  const DLDataType dtype = tensor.dtype();
  if (dtype.lanes == 1 && dtype.bits == 16 && dtype.code == kDLBfloat) return DType::bf16;
  if (dtype.lanes == 1 && dtype.bits == 16 && dtype.code == kDLFloat) return DType::fp16;
  TVM_FFI_THROW(TypeError) << "argument `" << name << "` must be bfloat16 or float16, not " << name_of(dtype);
}

inline int checked_int(const char* name, int64_t value, int64_t low, int64_t high) {
  if (value < low || value > high) {
    TVM_FFI_THROW(ValueError) << "argument `" << name << "` must be within " << low << " and " << high << ", not "
                              << value;
  }
  return static_cast<int>(value);
}

inline Gating checked_gating(int64_t activation, double threshold) {
  const int index = checked_int("activation", activation, 0, 1);
  return {index == 0 ? Activation::drelu : Activation::reglu, static_cast<float>(threshold)};
}

inline bool on_device(const TensorView& tensor, DLDevice device) {
  return tensor.device().device_type == device.device_type && tensor.device().device_id == device.device_id;
}

[[noreturn]] inline void refuse_shape(const char* name, const TensorView& tensor,
                                      std::initializer_list<int64_t> shape) {
  std::string wanted;
  for (const int64_t size : shape) wanted += (wanted.empty() ? "" : ", ") + std::to_string(size);
  TVM_FFI_THROW(ValueError) << "argument `" << name << "` must have shape [" << wanted << "], not " << shape_of(tensor);
}

// On `device`, contiguous, of the given shape. The experts dimension, where the shape has one, may be absent when it
// is 1: `experts_at` is its position, or -1.
inline void check_tensor(const char* name, const TensorView& tensor, DLDevice device,
                         std::initializer_list<int64_t> shape, int experts_at = -1) {
  if (!on_device(tensor, device)) {
    TVM_FFI_THROW(ValueError) << "argument `" << name << "` must be on the same CUDA device as `x`";
  }
  bool matches = true;
  const int missing = static_cast<int>(shape.size()) - tensor.ndim();
  const bool drop = missing == 1 && experts_at >= 0 && shape.begin()[experts_at] == 1;
  if (missing != 0 && !drop) matches = false;
  int at = 0;
  for (int i = 0; i < static_cast<int>(shape.size()); ++i) {
    if (drop && i == experts_at) continue;
    if (matches && tensor.size(at++) != shape.begin()[i]) matches = false;
  }
  if (!matches) refuse_shape(name, tensor, shape);
  if (!tensor.IsContiguous()) TVM_FFI_THROW(ValueError) << "argument `" << name << "` must be contiguous";
  if (reinterpret_cast<uintptr_t>(tensor.data_ptr()) % 16 != 0) {
    TVM_FFI_THROW(ValueError) << "argument `" << name << "` must be aligned to 16 bytes";
  }
}

// On `device`, of the given shape, with rows that are contiguous and any distance apart. Aligned to its elements.
inline void check_rows(const char* name, const TensorView& tensor, DLDevice device,
                       std::initializer_list<int64_t> shape) {
  bool matches = tensor.ndim() == static_cast<int>(shape.size());
  for (int i = 0; matches && i < tensor.ndim(); ++i) matches = tensor.size(i) == shape.begin()[i];
  if (!matches) refuse_shape(name, tensor, shape);
  if (!on_device(tensor, device)) {
    TVM_FFI_THROW(ValueError) << "argument `" << name << "` must be on the same CUDA device as the others";
  }
  if (tensor.stride(tensor.ndim() - 1) != 1) {
    TVM_FFI_THROW(ValueError) << "argument `" << name << "` must have contiguous rows";
  }
}

inline void check_workspace(const TensorView& workspace, DLDevice device, int64_t bytes) {
  check_dtype("workspace", workspace, kUint8);
  if (workspace.ndim() != 1 || workspace.size(0) < bytes) {
    TVM_FFI_THROW(ValueError) << "argument `workspace` must be one-dimensional with at least " << bytes
                              << " bytes, not " << shape_of(workspace);
  }
  check_tensor("workspace", workspace, device, {workspace.size(0)});
  if (reinterpret_cast<uintptr_t>(workspace.data_ptr()) % 256 != 0) {
    TVM_FFI_THROW(ValueError) << "argument `workspace` must be aligned to 256 bytes";
  }
}

}  // namespace turbosparse::bindings
