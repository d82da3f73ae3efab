// What every export does around its operator: the device made current, torch's stream, failures made exceptions.
#pragma once

#include <cuda_runtime_api.h>
#include <tvm/ffi/extra/c_env_api.h>

#include "check.h"

namespace turbosparse::bindings {

// Makes the tensors' device current for the launches and restores the caller's.
class DeviceGuard {
 public:
  explicit DeviceGuard(DLDevice device) {
    if (device.device_type != kDLCUDA) TVM_FFI_THROW(ValueError) << "the tensors must be on a CUDA device";
    if (cudaGetDevice(&previous_) != cudaSuccess) TVM_FFI_THROW(RuntimeError) << "there is no usable CUDA device";
    changed_ = previous_ != device.device_id;
    if (changed_ && cudaSetDevice(device.device_id) != cudaSuccess) {
      TVM_FFI_THROW(RuntimeError) << "cannot make CUDA device " << device.device_id << " current";
    }
  }
  ~DeviceGuard() {
    if (changed_) cudaSetDevice(previous_);
  }
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  int previous_ = 0;
  bool changed_ = false;
};

inline cudaStream_t stream_of(DLDevice device) {
  return static_cast<cudaStream_t>(TVMFFIEnvGetStream(device.device_type, device.device_id));
}

inline void raise_on_failure(const Status& status) {
  if (status.ok()) return;
  if (!status.message.empty()) TVM_FFI_THROW(RuntimeError) << status.message;
  TVM_FFI_THROW(RuntimeError) << "the kernel launch failed: " << cudaGetErrorString(status.error);
}

}  // namespace turbosparse::bindings
