// Where the plugins' errors go: the error recorder of the execution context, and TensorRT's logger.
#pragma once

#include <NvInferRuntime.h>

#include <exception>
#include <string>

#include "refusal.h"

namespace turbosparse::tensorrt {

// Keeps the finder that TensorRT gives to a library it loads.
void set_logger_finder(nvinfer1::ILoggerFinder* finder);

// Tells the logger, if TensorRT has given one, and the recorder unless it is null.
void report(nvinfer1::IErrorRecorder* recorder, nvinfer1::ErrorCode code, const std::string& text) noexcept;

// What a launcher says ends with a point already.
std::string sentence(const char* subject, const std::string& text);

// Runs `work` and returns its value, or reports what it throws, with `subject` in front, and returns `otherwise`.
template <class Value, class Work>
Value guarded(const char* subject, nvinfer1::IErrorRecorder* recorder, Value otherwise, const Work& work) noexcept {
  try {
    return work();
  } catch (const Refusal& refusal) {
    report(recorder, refusal.code(), sentence(subject, refusal.what()));
  } catch (const std::exception& error) {
    report(recorder, nvinfer1::ErrorCode::kINTERNAL_ERROR, sentence(subject, error.what()));
  }
  return otherwise;
}

}  // namespace turbosparse::tensorrt
