// The shapes and types of a call's inputs, with checks that name the input.
#pragma once

#include <NvInferRuntime.h>

#include <cstdint>
#include <initializer_list>
#include <string>

#include "layout.h"

namespace turbosparse::tensorrt {

std::string text_of(const nvinfer1::Dims& dims);

class Inputs {
 public:
  Inputs(const Layout& layout, const nvinfer1::PluginTensorDesc* inputs) : layout_(layout), inputs_(inputs) {}

  const nvinfer1::Dims& dims(int input) const { return inputs_[input].dims; }
  nvinfer1::DataType type(int input) const { return inputs_[input].type; }
  std::string named(int input) const;

  // Each throws Refusal. `what` is how the message names the type.
  void check_type(int input, nvinfer1::DataType wanted, const char* what) const;
  // `names` is the shape in words, `shape` what it comes to; -1 is any size.
  void check_shape(int input, const char* names, std::initializer_list<int64_t> shape) const;
  // The leading dimensions must be those of x.
  void check_leading(int input, const char* names) const;
  // The size along `axis`, which the message calls `what`.
  int size(int input, int axis, const char* what, int64_t low, int64_t high) const;

 private:
  const Layout& layout_;
  const nvinfer1::PluginTensorDesc* inputs_;
};

}  // namespace turbosparse::tensorrt
