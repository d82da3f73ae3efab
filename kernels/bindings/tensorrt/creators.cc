// What TensorRT looks for in a library of plugins: the creators, and where to put its logger. Nothing registers itself,
// because the registry's own interface differs between TensorRT 10 and 11.
#include <NvInferRuntime.h>

#include <memory>
#include <vector>

#include "plugin.h"
#include "refusal.h"
#include "report.h"
#include "settings.h"

namespace turbosparse::tensorrt {
namespace {

class Creator : public nvinfer1::IPluginCreatorV3One {
 public:
  explicit Creator(Kind kind)
      : kind_(kind), names_{static_cast<int32_t>(field_names(kind).size()), field_names(kind).data()} {}

  const char* getPluginName() const noexcept override { return name_of(kind_); }
  const char* getPluginVersion() const noexcept override { return kVersion; }
  const char* getPluginNamespace() const noexcept override { return kNamespace; }
  const nvinfer1::PluginFieldCollection* getFieldNames() noexcept override { return &names_; }

  nvinfer1::IPluginV3* createPlugin(const char*, const nvinfer1::PluginFieldCollection* fields,
                                    nvinfer1::TensorRTPhase phase) noexcept override {
    return guarded<nvinfer1::IPluginV3*>(getPluginName(), nullptr, nullptr, [&] {
      return new Plugin(parse(kind_, fields == nullptr ? nvinfer1::PluginFieldCollection{} : *fields, phase));
    });
  }

 private:
  Kind kind_;
  nvinfer1::PluginFieldCollection names_;
};

}  // namespace
}  // namespace turbosparse::tensorrt

// TENSORRTAPI makes nothing visible outside TensorRT's own builds.
extern "C" __attribute__((visibility("default"))) nvinfer1::IPluginCreatorInterface* const* getCreators(
    int32_t& count) {
  using turbosparse::tensorrt::Creator;
  using turbosparse::tensorrt::Kind;
  static Creator ffn(Kind::ffn);
  static Creator moe(Kind::moe);
  static nvinfer1::IPluginCreatorInterface* const creators[] = {&ffn, &moe};
  count = 2;
  return creators;
}

extern "C" __attribute__((visibility("default"))) void setLoggerFinder(nvinfer1::ILoggerFinder* finder) {
  turbosparse::tensorrt::set_logger_finder(finder);
}
