// Calls a plugin's methods as TensorRT does, for the tests, which are in Python: TensorRT's own Python module makes
// plugins through the registry but does not call those written in C++. Functions return what the method returns.
#include <NvInferRuntime.h>

#include <cstring>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

using namespace nvinfer1;

extern "C" {

// A tensor in linear format; `least` and `most` are its dimensions at the ends of a profile.
struct Tensor {
  int32_t type;
  int32_t rank;
  int64_t dims[8];
  int64_t least[8];
  int64_t most[8];
};

struct Field {
  const char* name;
  const void* data;
  int32_t type;
  int32_t length;
};
}

namespace {

Dims dims_of(int32_t rank, const int64_t* sizes) {
  Dims dims{};
  dims.nbDims = rank;
  std::memcpy(dims.d, sizes, sizeof dims.d);
  return dims;
}

PluginTensorDesc description(const Tensor& tensor) {
  return {dims_of(tensor.rank, tensor.dims), static_cast<DataType>(tensor.type), TensorFormat::kLINEAR, 1.0F};
}

std::vector<PluginTensorDesc> descriptions(const Tensor* tensors, int count) {
  std::vector<PluginTensorDesc> out;
  for (int i = 0; i < count; ++i) out.push_back(description(tensors[i]));
  return out;
}

std::vector<DynamicPluginTensorDesc> dynamic_descriptions(const Tensor* tensors, int count) {
  std::vector<DynamicPluginTensorDesc> out;
  for (int i = 0; i < count; ++i) {
    const Tensor& tensor = tensors[i];
    out.push_back({description(tensor), dims_of(tensor.rank, tensor.least), dims_of(tensor.rank, tensor.most),
                   dims_of(tensor.rank, tensor.most)});
  }
  return out;
}

IPluginV3OneBuild& build_of(IPluginV3* plugin) {
  return *static_cast<IPluginV3OneBuild*>(plugin->getCapabilityInterface(PluginCapabilityType::kBUILD));
}

IPluginV3OneRuntime& runtime_of(IPluginV3* plugin) {
  return *static_cast<IPluginV3OneRuntime*>(plugin->getCapabilityInterface(PluginCapabilityType::kRUNTIME));
}

class Expression : public IDimensionExpr {
 public:
  ~Expression() noexcept override = default;
};

class Builder : public IExprBuilder {
 public:
  ~Builder() noexcept override = default;
};

class Recorder : public IErrorRecorder {
 public:
  int32_t getNbErrors() const noexcept override { return static_cast<int32_t>(errors_.size()); }
  ErrorCode getErrorCode(int32_t index) const noexcept override { return errors_[index].first; }
  ErrorDesc getErrorDesc(int32_t index) const noexcept override { return errors_[index].second.c_str(); }
  bool hasOverflowed() const noexcept override { return false; }
  void clear() noexcept override { errors_.clear(); }
  bool reportError(ErrorCode code, ErrorDesc text) noexcept override {
    errors_.emplace_back(code, text);
    return false;
  }
  RefCount incRefCount() noexcept override { return 1; }
  RefCount decRefCount() noexcept override { return 1; }

 private:
  std::vector<std::pair<ErrorCode, std::string>> errors_;
};

class Context : public IPluginResourceContext {
 public:
  explicit Context(IErrorRecorder* recorder) : recorder_(recorder) {}
  IGpuAllocator* getGpuAllocator() const noexcept override { return nullptr; }
  IErrorRecorder* getErrorRecorder() const noexcept override { return recorder_; }

 private:
  IErrorRecorder* recorder_;
};

}  // namespace

extern "C" {

const void* plugin_type() { return &typeid(IPluginV3); }

void* recorder_create() { return new Recorder; }
void recorder_destroy(void* recorder) { delete static_cast<Recorder*>(recorder); }
int32_t recorder_count(void* recorder) { return static_cast<Recorder*>(recorder)->getNbErrors(); }
int32_t recorder_code(void* recorder, int32_t index) {
  return static_cast<int32_t>(static_cast<Recorder*>(recorder)->getErrorCode(index));
}
const char* recorder_text(void* recorder, int32_t index) {
  return static_cast<Recorder*>(recorder)->getErrorDesc(index);
}

IPluginV3* plugin_clone(IPluginV3* plugin) { return plugin->clone(); }
void plugin_destroy(IPluginV3* plugin) { delete plugin; }
const char* plugin_name(IPluginV3* plugin) {
  auto* core = static_cast<IPluginV3OneCore*>(plugin->getCapabilityInterface(PluginCapabilityType::kCORE));
  return core->getPluginName();
}

// -1 where the plugin refuses.
int32_t output_type(IPluginV3* plugin, const Tensor* inputs, int32_t count) {
  std::vector<DataType> types;
  for (int i = 0; i < count; ++i) types.push_back(static_cast<DataType>(inputs[i].type));
  DataType out{};
  return build_of(plugin).getOutputDataTypes(&out, 1, types.data(), count) == 0 ? static_cast<int32_t>(out) : -1;
}

// Whether the output has the very dimensions of input 0.
int32_t output_is_like_x(IPluginV3* plugin, const Tensor* inputs, int32_t count) {
  std::vector<std::vector<Expression>> expressions(count);
  std::vector<DimsExprs> shapes(count);
  for (int i = 0; i < count; ++i) {
    expressions[i] = std::vector<Expression>(inputs[i].rank);
    shapes[i].nbDims = inputs[i].rank;
    for (int d = 0; d < inputs[i].rank; ++d) shapes[i].d[d] = &expressions[i][d];
  }
  DimsExprs out{};
  Builder builder;
  if (build_of(plugin).getOutputShapes(shapes.data(), count, nullptr, 0, &out, 1, builder) != 0) return 0;
  bool same = out.nbDims == shapes[0].nbDims;
  for (int d = 0; same && d < out.nbDims; ++d) same = out.d[d] == shapes[0].d[d];
  return same ? 1 : 0;
}

// Here and below `tensors` are the inputs and the output.
int32_t supports(IPluginV3* plugin, int32_t position, const Tensor* tensors, int32_t input_count, int32_t linear) {
  auto all = dynamic_descriptions(tensors, input_count + 1);
  if (linear == 0) all[position].desc.format = TensorFormat::kCHW32;
  return build_of(plugin).supportsFormatCombination(position, all.data(), input_count, 1) ? 1 : 0;
}

int32_t configure(IPluginV3* plugin, const Tensor* tensors, int32_t input_count) {
  const auto all = dynamic_descriptions(tensors, input_count + 1);
  return build_of(plugin).configurePlugin(all.data(), input_count, all.data() + input_count, 1);
}

int64_t workspace_size(IPluginV3* plugin, const Tensor* tensors, int32_t input_count) {
  const auto all = dynamic_descriptions(tensors, input_count + 1);
  return static_cast<int64_t>(build_of(plugin).getWorkspaceSize(all.data(), input_count, all.data() + input_count, 1));
}

IPluginV3* attach(IPluginV3* plugin, void* recorder) {
  Context context(static_cast<Recorder*>(recorder));
  return runtime_of(plugin).attachToContext(&context);
}

int32_t shape_change(IPluginV3* plugin, const Tensor* tensors, int32_t input_count) {
  const auto all = descriptions(tensors, input_count + 1);
  return runtime_of(plugin).onShapeChange(all.data(), input_count, all.data() + input_count, 1);
}

int32_t enqueue(IPluginV3* plugin, const Tensor* tensors, int32_t input_count, const void* const* inputs, void* output,
                void* workspace, void* stream) {
  const auto all = descriptions(tensors, input_count + 1);
  return runtime_of(plugin).enqueue(all.data(), all.data() + input_count, inputs, &output, workspace,
                                    static_cast<cudaStream_t>(stream));
}

// The fields live as long as the plugin and until the next call. -1 where there are none.
int32_t serialize(IPluginV3* plugin, Field* fields, int32_t room) {
  const PluginFieldCollection* found = runtime_of(plugin).getFieldsToSerialize();
  if (found == nullptr || found->nbFields > room) return -1;
  for (int i = 0; i < found->nbFields; ++i) {
    const PluginField& field = found->fields[i];
    fields[i] = {field.name, field.data, static_cast<int32_t>(field.type), field.length};
  }
  return found->nbFields;
}
}
