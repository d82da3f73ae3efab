// What a plugin's fields say.
#pragma once

#include <NvInferRuntime.h>

#include <memory>
#include <optional>
#include <vector>

#include "constants.h"
#include "turbosparse/operators.h"

namespace turbosparse::tensorrt {

enum class Kind { ffn, moe };

inline constexpr const char* kNamespace = "turbosparse";
inline constexpr const char* kVersion = "1";
inline const char* name_of(Kind kind) { return kind == Kind::ffn ? "TurboSparseFFN" : "TurboSparseMoE"; }

struct Settings {
  Kind kind = Kind::ffn;
  Gating gating{Activation::drelu, 0};
  std::optional<float> threshold;              // of the predictor's logit; else the released one of the dtype
  std::shared_ptr<const Constants> constants;  // never null
  int multiprocessors = 0;  // of the device the engine was built on, for which its workspace suffices; 0 before that

  bool has_weights() const { return !constants->weights.elements.empty(); }
  bool has_predictor() const { return !constants->fc1.elements.empty(); }
};

// The fields that a network may give, for IPluginCreatorV3One::getFieldNames.
const std::vector<nvinfer1::PluginField>& field_names(Kind kind);

// The settings that fields give: a network's at the build, those of serialized_fields.h at run time. Throws Refusal.
Settings parse(Kind kind, const nvinfer1::PluginFieldCollection& fields, nvinfer1::TensorRTPhase phase);

}  // namespace turbosparse::tensorrt
