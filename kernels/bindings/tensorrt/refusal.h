// What the plugins say of wrong input: thrown within, reported at their border, which TensorRT needs free of
// exceptions.
#pragma once

#include <NvInferRuntime.h>

#include <stdexcept>
#include <string>

namespace turbosparse::tensorrt {

// Its text is one sentence that names the field or the input.
class Refusal : public std::runtime_error {
 public:
  Refusal(nvinfer1::ErrorCode code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}
  nvinfer1::ErrorCode code() const { return code_; }

 private:
  nvinfer1::ErrorCode code_;
};

[[noreturn]] inline void refuse(const std::string& sentence) {
  throw Refusal(nvinfer1::ErrorCode::kINVALID_ARGUMENT, sentence);
}

}  // namespace turbosparse::tensorrt
