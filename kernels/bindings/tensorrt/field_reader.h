// Reads a plugin's fields, each of its type and given once.
#pragma once

#include <NvInferRuntime.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "constants.h"

namespace turbosparse::tensorrt {

// Every member throws Refusal naming the field; a field that is absent is nullopt, or an empty constant.
class FieldReader {
 public:
  // `fields` must live as long; any that is not among the known ones is refused.
  FieldReader(const nvinfer1::PluginFieldCollection& fields, const std::vector<std::string>& known);

  std::optional<int64_t> integer(const char* name) const;
  std::optional<float> real(const char* name) const;
  std::optional<std::string> text(const char* name) const;
  Constant weights(const char* name) const;

 private:
  void check(const nvinfer1::PluginField& field, const std::vector<std::string>& known) const;
  const nvinfer1::PluginField* find(const char* name) const;
  const nvinfer1::PluginField* scalar(const char* name, std::initializer_list<nvinfer1::PluginFieldType> types,
                                      const char* what) const;

  const nvinfer1::PluginFieldCollection& fields_;
};

}  // namespace turbosparse::tensorrt
