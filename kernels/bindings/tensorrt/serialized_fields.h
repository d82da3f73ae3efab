// The fields in which an engine keeps a plugin.
#pragma once

#include <NvInferRuntime.h>

#include <cstdint>
#include <string>
#include <vector>

#include "field_reader.h"
#include "settings.h"

namespace turbosparse::tensorrt {

// What an engine keeps beside the fields that a network gives.
inline constexpr const char* kMultiprocessorsField = "multiprocessors";
inline constexpr const char* kFormatField = "format_version";
inline constexpr const char* kChecksumField = "checksum";

// Throws Refusal when the fields are not those of SerializedFields, in this form and as they were written.
void check_serialized(const FieldReader& reader, const nvinfer1::PluginFieldCollection& fields);

// Fields that say the same, with the version of their form and a checksum. Weights are those of the settings, which
// must live as long.
class SerializedFields {
 public:
  explicit SerializedFields(const Settings& settings);
  SerializedFields(const SerializedFields&) = delete;
  SerializedFields& operator=(const SerializedFields&) = delete;
  const nvinfer1::PluginFieldCollection* collection() const { return &collection_; }

 private:
  std::string activation_;
  float gate_threshold_;
  float threshold_;
  int32_t hidden_;
  int32_t experts_;
  int32_t multiprocessors_;
  int32_t format_version_;
  int64_t checksum_;
  std::vector<nvinfer1::PluginField> fields_;
  nvinfer1::PluginFieldCollection collection_;
};

}  // namespace turbosparse::tensorrt
