// What the tensors of a call come to: the sizes that the operators take.
#pragma once

#include <NvInferRuntime.h>

#include <cstdint>

#include "layout.h"
#include "settings.h"
#include "turbosparse/operators.h"

namespace turbosparse::tensorrt {

struct Call {
  DType dtype = DType::bf16;
  int64_t tokens = 0;  // any number: the operators take them in chunks of kMaxTokens
  int hidden = 0;
  int intermediate = 0;
  int experts = 1;
  int top_k = 0;
  int rank = 0;  // 0: the gates decide
  float threshold = 0;

  Shape chunk(int tokens_of_chunk) const { return {dtype, tokens_of_chunk, hidden, intermediate, experts}; }
};

// The call that inputs of these shapes and types make. Throws Refusal naming the input or the field.
Call checked_call(const Settings& settings, const Layout& layout, const nvinfer1::PluginTensorDesc* inputs);

}  // namespace turbosparse::tensorrt
