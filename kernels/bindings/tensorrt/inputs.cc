#include "inputs.h"

#include "refusal.h"

namespace turbosparse::tensorrt {

std::string text_of(const nvinfer1::Dims& dims) {
  std::string text = "[";
  for (int i = 0; i < dims.nbDims; ++i) text += (i == 0 ? "" : ", ") + std::to_string(dims.d[i]);
  return text + "]";
}

std::string Inputs::named(int input) const {
  return "input " + std::to_string(input) + " (" + layout_.name_of(input) + ")";
}

void Inputs::check_type(int input, nvinfer1::DataType wanted, const char* what) const {
  if (type(input) != wanted) refuse(named(input) + " must be " + what);
}

void Inputs::check_shape(int input, const char* names, std::initializer_list<int64_t> shape) const {
  bool matches = dims(input).nbDims == static_cast<int>(shape.size());
  for (int i = 0; matches && i < dims(input).nbDims; ++i) {
    matches = shape.begin()[i] < 0 || dims(input).d[i] == shape.begin()[i];
  }
  if (matches) return;
  std::string wanted;
  for (const int64_t size : shape) wanted += (wanted.empty() ? "" : ", ") + (size < 0 ? "any" : std::to_string(size));
  refuse(named(input) + " must have shape " + names + ", here [" + wanted + "], not " + text_of(dims(input)));
}

void Inputs::check_leading(int input, const char* names) const {
  bool matches = dims(input).nbDims == dims(0).nbDims;
  for (int i = 0; matches && i + 1 < dims(0).nbDims; ++i) matches = dims(input).d[i] == dims(0).d[i];
  if (matches) return;
  refuse(named(input) + " must have shape " + names + " with the leading dimensions of x " + text_of(dims(0)) +
         ", not " + text_of(dims(input)));
}

int Inputs::size(int input, int axis, const char* what, int64_t low, int64_t high) const {
  const int64_t value = dims(input).d[axis];
  if (value >= low && value <= high) return static_cast<int>(value);
  const std::string range = low == high ? std::to_string(low) : std::to_string(low) + " to " + std::to_string(high);
  refuse(named(input) + " must have " + range + " " + what + ", not " + std::to_string(value));
}

}  // namespace turbosparse::tensorrt
