#include "field_reader.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "refusal.h"

namespace turbosparse::tensorrt {
namespace {

using nvinfer1::PluginField;
using nvinfer1::PluginFieldType;

std::string named(const char* name) { return "field `" + std::string(name) + "`"; }

template <class T>
T read(const PluginField& field) {
  T value;
  std::memcpy(&value, field.data, sizeof value);
  return value;
}

}  // namespace

FieldReader::FieldReader(const nvinfer1::PluginFieldCollection& fields, const std::vector<std::string>& known)
    : fields_(fields) {
  for (int i = 0; i < fields.nbFields; ++i) check(fields.fields[i], known);
}

std::optional<int64_t> FieldReader::integer(const char* name) const {
  const PluginField* field = scalar(name, {PluginFieldType::kINT32, PluginFieldType::kINT64}, "an int32");
  if (field == nullptr) return std::nullopt;
  return field->type == PluginFieldType::kINT32 ? read<int32_t>(*field) : read<int64_t>(*field);
}

std::optional<float> FieldReader::real(const char* name) const {
  const PluginField* field = scalar(name, {PluginFieldType::kFLOAT32}, "a float32");
  if (field == nullptr) return std::nullopt;
  const auto value = read<float>(*field);
  if (!std::isfinite(value)) refuse(named(name) + " must be finite");
  return value;
}

std::optional<std::string> FieldReader::text(const char* name) const {
  const PluginField* field = find(name);
  if (field == nullptr) return std::nullopt;
  if (field->type != PluginFieldType::kCHAR) refuse(named(name) + " must be text");
  const std::string value(static_cast<const char*>(field->data), static_cast<size_t>(field->length));
  // Importers count the closing zero or do not.
  return value.substr(0, value.find('\0'));
}

Constant FieldReader::weights(const char* name) const {
  const PluginField* field = find(name);
  if (field == nullptr) return {PluginFieldType::kUNKNOWN, {}};
  if (field->type != PluginFieldType::kBF16 && field->type != PluginFieldType::kFLOAT16) {
    refuse(named(name) + " must be bfloat16 or float16");
  }
  if (field->length == 0) refuse(named(name) + " is empty");
  const auto* elements = static_cast<const uint16_t*>(field->data);
  return {field->type, std::vector<uint16_t>(elements, elements + field->length)};
}

void FieldReader::check(const PluginField& field, const std::vector<std::string>& known) const {
  if (std::find(known.begin(), known.end(), field.name) == known.end()) {
    std::string names;
    for (const std::string& name : known) names += (names.empty() ? "" : ", ") + name;
    refuse("unknown " + named(field.name) + "; known are " + names);
  }
  if (find(field.name) != &field) refuse(named(field.name) + " is given twice");
  if (field.length < 0 || (field.length > 0 && field.data == nullptr)) refuse(named(field.name) + " has no data");
}

const PluginField* FieldReader::find(const char* name) const {
  for (int i = 0; i < fields_.nbFields; ++i) {
    if (std::strcmp(fields_.fields[i].name, name) == 0) return &fields_.fields[i];
  }
  return nullptr;
}

const PluginField* FieldReader::scalar(const char* name, std::initializer_list<PluginFieldType> types,
                                       const char* what) const {
  const PluginField* field = find(name);
  if (field == nullptr) return nullptr;
  if (std::find(types.begin(), types.end(), field->type) == types.end() || field->length != 1) {
    refuse(named(name) + " must be " + what);
  }
  return field;
}

}  // namespace turbosparse::tensorrt
