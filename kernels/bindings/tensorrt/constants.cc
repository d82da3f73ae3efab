#include "constants.h"

#include <cuda_runtime_api.h>

#include <string>

#include "refusal.h"

namespace turbosparse::tensorrt {
namespace {

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  throw Refusal(nvinfer1::ErrorCode::kFAILED_ALLOCATION, std::string(what) + ": " + cudaGetErrorString(error));
}

}  // namespace

DeviceBuffer::DeviceBuffer(const std::vector<uint16_t>& elements) {
  if (elements.empty()) return;
  void* data = nullptr;
  const size_t bytes = elements.size() * sizeof(uint16_t);
  check(cudaMalloc(&data, bytes), "the weights in fields find no device memory");
  data_.reset(data);
  check(cudaMemcpy(data, elements.data(), bytes, cudaMemcpyHostToDevice),
        "the weights in fields cannot be copied to the device");
}

void DeviceBuffer::Free::operator()(void* data) const { cudaFree(data); }

std::shared_ptr<const DeviceConstants> Constants::on_current_device() const {
  int device = 0;
  check(cudaGetDevice(&device), "the weights in fields find no device");
  const std::lock_guard<std::mutex> lock(mutex_);
  std::weak_ptr<const DeviceConstants>& known = copies_[device];
  if (auto copy = known.lock()) return copy;
  auto copy = std::make_shared<DeviceConstants>(
      DeviceConstants{DeviceBuffer(weights.elements), DeviceBuffer(fc1.elements), DeviceBuffer(fc2.elements)});
  known = copy;
  return copy;
}

}  // namespace turbosparse::tensorrt
