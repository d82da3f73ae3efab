#include "serialized_fields.h"

#include <cstring>

#include "refusal.h"

namespace turbosparse::tensorrt {
namespace {

using nvinfer1::PluginField;
using nvinfer1::PluginFieldType;

// Raised when the serialised fields change.
constexpr int32_t kFormatVersion = 1;

size_t element_bytes(PluginFieldType type) {
  switch (type) {
    case PluginFieldType::kCHAR:
      return 1;
    case PluginFieldType::kBF16:
    case PluginFieldType::kFLOAT16:
      return 2;
    case PluginFieldType::kINT32:
    case PluginFieldType::kFLOAT32:
      return 4;
    case PluginFieldType::kINT64:
      return 8;
    default:
      return 0;
  }
}

// 64-bit FNV-1a.
uint64_t hash(uint64_t state, const void* data, size_t bytes) {
  const auto* byte = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < bytes; ++i) state = (state ^ byte[i]) * 0x100000001b3;
  return state;
}

// Of all fields but the checksum itself, in any order.
int64_t checksum_of(const PluginField* fields, int count) {
  uint64_t sum = 0;
  for (int i = 0; i < count; ++i) {
    const PluginField& field = fields[i];
    if (std::strcmp(field.name, kChecksumField) == 0) continue;
    uint64_t state = hash(0xcbf29ce484222325, field.name, std::strlen(field.name) + 1);
    state = hash(state, &field.type, sizeof field.type);
    sum += hash(state, field.data, element_bytes(field.type) * static_cast<size_t>(field.length));
  }
  return static_cast<int64_t>(sum);
}

}  // namespace

void check_serialized(const FieldReader& reader, const nvinfer1::PluginFieldCollection& fields) {
  const auto version = reader.integer(kFormatField);
  if (version != kFormatVersion) {
    refuse("the engine holds this plugin in form " + (version ? std::to_string(*version) : std::string("unknown")) +
           ", this library reads form " + std::to_string(kFormatVersion) + ": build the engine again");
  }
  if (reader.integer(kChecksumField) != checksum_of(fields.fields, fields.nbFields)) {
    refuse("the engine's data of this plugin do not have their checksum: build the engine again");
  }
}

SerializedFields::SerializedFields(const Settings& settings)
    : activation_(settings.gating.activation == Activation::drelu ? "drelu" : "reglu"),
      gate_threshold_(settings.gating.threshold),
      threshold_(settings.threshold.value_or(0)),
      hidden_(settings.constants->hidden),
      experts_(settings.constants->experts),
      multiprocessors_(settings.multiprocessors),
      format_version_(kFormatVersion) {
  const auto add = [&](const char* name, const void* data, PluginFieldType type, size_t length) {
    fields_.emplace_back(name, data, type, static_cast<int32_t>(length));
  };
  const auto add_weights = [&](const char* name, const Constant& constant) {
    if (!constant.elements.empty()) add(name, constant.elements.data(), constant.type, constant.elements.size());
  };
  add("activation", activation_.data(), PluginFieldType::kCHAR, activation_.size());
  add("gate_threshold", &gate_threshold_, PluginFieldType::kFLOAT32, 1);
  if (settings.threshold) add("threshold", &threshold_, PluginFieldType::kFLOAT32, 1);
  if (hidden_ > 0) add("hidden", &hidden_, PluginFieldType::kINT32, 1);
  if (settings.kind == Kind::moe && hidden_ > 0) add("experts", &experts_, PluginFieldType::kINT32, 1);
  add_weights("weights", settings.constants->weights);
  add_weights("fc1", settings.constants->fc1);
  add_weights("fc2", settings.constants->fc2);
  add(kMultiprocessorsField, &multiprocessors_, PluginFieldType::kINT32, 1);
  add(kFormatField, &format_version_, PluginFieldType::kINT32, 1);
  checksum_ = checksum_of(fields_.data(), static_cast<int>(fields_.size()));
  add(kChecksumField, &checksum_, PluginFieldType::kINT64, 1);
  collection_ = {static_cast<int32_t>(fields_.size()), fields_.data()};
}

}  // namespace turbosparse::tensorrt
