// Weights that a plugin has as fields instead of inputs: kept in host memory, copied once to each device.
#pragma once

#include <NvInferRuntime.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace turbosparse::tensorrt {

struct Constant {
  nvinfer1::PluginFieldType type;
  std::vector<uint16_t> elements;  // empty where the tensor is an input or absent
};

// Device memory that is freed with its last owner.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  // Throws Refusal where there is no device or no room.
  explicit DeviceBuffer(const std::vector<uint16_t>& elements);
  const void* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(void* data) const;
  };
  std::unique_ptr<void, Free> data_;
};

struct DeviceConstants {
  DeviceBuffer weights;
  DeviceBuffer fc1;
  DeviceBuffer fc2;
};

// Shared by a plugin and its clones.
class Constants {
 public:
  Constant weights;  // [experts, intermediate, 3, hidden]
  Constant fc1;      // [experts, rank, hidden]
  Constant fc2;      // [experts, intermediate, rank]
  int hidden = 0;
  int experts = 1;

  // The copy on the current device, made by whoever asks first. Throws Refusal.
  std::shared_ptr<const DeviceConstants> on_current_device() const;

 private:
  mutable std::mutex mutex_;
  mutable std::map<int, std::weak_ptr<const DeviceConstants>> copies_;
};

}  // namespace turbosparse::tensorrt
