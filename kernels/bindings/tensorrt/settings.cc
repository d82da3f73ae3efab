#include "settings.h"

#include "field_reader.h"
#include "refusal.h"
#include "serialized_fields.h"

namespace turbosparse::tensorrt {
namespace {

using nvinfer1::PluginField;
using nvinfer1::PluginFieldType;

int within(const char* name, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return static_cast<int>(value);
  refuse("field `" + std::string(name) + "` must be within " + std::to_string(low) + " and " + std::to_string(high) +
         ", not " + std::to_string(value));
}

Gating gating_of(const FieldReader& reader) {
  const std::string activation = reader.text("activation").value_or("drelu");
  if (activation != "drelu" && activation != "reglu") {
    refuse("field `activation` must be drelu or reglu, not `" + activation + "`");
  }
  const float threshold = reader.real("gate_threshold").value_or(0);
  if (threshold < 0) refuse("field `gate_threshold` must not be negative");
  if (activation == "drelu" && threshold != 0) refuse("field `gate_threshold` must be 0 with `activation` drelu");
  return {activation == "drelu" ? Activation::drelu : Activation::reglu, threshold};
}

std::shared_ptr<const Constants> constants_of(Kind kind, const FieldReader& reader) {
  auto out = std::make_shared<Constants>();
  out->weights = reader.weights("weights");
  out->fc1 = reader.weights("fc1");
  out->fc2 = reader.weights("fc2");
  if (out->fc1.elements.empty() != out->fc2.elements.empty()) refuse("fields `fc1` and `fc2` must be given together");
  // Sizes that cannot be told from the number of elements.
  const bool any = !out->weights.elements.empty() || !out->fc1.elements.empty();
  const auto hidden = reader.integer("hidden");
  const auto experts = kind == Kind::moe ? reader.integer("experts") : 1;
  if (any && !hidden) refuse("field `hidden`, the length of a row, is needed with weights in fields");
  if (any && !experts) refuse("field `experts` is needed with weights in fields");
  if (hidden) out->hidden = within("hidden", *hidden, 8, 1 << 17);
  if (experts) out->experts = within("experts", *experts, kind == Kind::moe ? 2 : 1, kMaxExperts);
  return out;
}

}  // namespace

const std::vector<PluginField>& field_names(Kind kind) {
  static const std::vector<PluginField> ffn = {
      {"activation", nullptr, PluginFieldType::kCHAR, 0},   {"gate_threshold", nullptr, PluginFieldType::kFLOAT32, 1},
      {"threshold", nullptr, PluginFieldType::kFLOAT32, 1}, {"hidden", nullptr, PluginFieldType::kINT32, 1},
      {"weights", nullptr, PluginFieldType::kBF16, 0},      {"fc1", nullptr, PluginFieldType::kBF16, 0},
      {"fc2", nullptr, PluginFieldType::kBF16, 0}};
  static const std::vector<PluginField> moe = [] {
    std::vector<PluginField> fields = ffn;
    fields.emplace_back("experts", nullptr, PluginFieldType::kINT32, 1);
    return fields;
  }();
  return kind == Kind::ffn ? ffn : moe;
}

Settings parse(Kind kind, const nvinfer1::PluginFieldCollection& fields, nvinfer1::TensorRTPhase phase) {
  const bool serialized = phase == nvinfer1::TensorRTPhase::kRUNTIME;
  std::vector<std::string> known;
  for (const PluginField& field : field_names(kind)) known.emplace_back(field.name);
  if (serialized) known.insert(known.end(), {kMultiprocessorsField, kFormatField, kChecksumField});
  const FieldReader reader(fields, known);
  if (serialized) check_serialized(reader, fields);
  Settings out;
  out.kind = kind;
  out.gating = gating_of(reader);
  out.threshold = reader.real("threshold");
  out.constants = constants_of(kind, reader);
  out.multiprocessors = static_cast<int>(reader.integer(kMultiprocessorsField).value_or(0));
  return out;
}

}  // namespace turbosparse::tensorrt
