#include "plugin.h"

#include <algorithm>
#include <string>
#include <vector>

#include "refusal.h"
#include "report.h"
#include "workspace.h"

namespace turbosparse::tensorrt {

using nvinfer1::DataType;
using nvinfer1::DimsExprs;
using nvinfer1::DynamicPluginTensorDesc;
using nvinfer1::ErrorCode;
using nvinfer1::PluginTensorDesc;

namespace {

// The calls of the fewest and the most tokens that a profile permits.
struct CallRange {
  Call least;
  Call most;
};

CallRange range_of(const Settings& settings, const Layout& layout, const DynamicPluginTensorDesc* inputs) {
  std::vector<PluginTensorDesc> least;
  std::vector<PluginTensorDesc> most;
  for (int i = 0; i < layout.count; ++i) {
    least.push_back(inputs[i].desc);
    most.push_back(inputs[i].desc);
    least.back().dims = inputs[i].min;
    most.back().dims = inputs[i].max;
  }
  return {checked_call(settings, layout, least.data()), checked_call(settings, layout, most.data())};
}

void check_outputs(int count) {
  if (count != 1) refuse("it has one output, not " + std::to_string(count));
}

}  // namespace

struct Plugin::Tensors {
  const void* x;
  const void* predictor_input;
  const void* weights;
  const void* fc1;
  const void* fc2;
  const int32_t* topk_ids;
  const float* topk_weights;
  void* out;
};

template <class Value, class Work>
Value Plugin::reported(Value otherwise, const Work& work) const noexcept {
  return guarded(getPluginName(), recorder_, otherwise, work);
}

nvinfer1::IPluginCapability* Plugin::getCapabilityInterface(nvinfer1::PluginCapabilityType type) noexcept {
  switch (type) {
    case nvinfer1::PluginCapabilityType::kCORE:
      return static_cast<nvinfer1::IPluginV3OneCore*>(this);
    case nvinfer1::PluginCapabilityType::kBUILD:
      return static_cast<nvinfer1::IPluginV3OneBuild*>(this);
    case nvinfer1::PluginCapabilityType::kRUNTIME:
      return static_cast<nvinfer1::IPluginV3OneRuntime*>(this);
  }
  return nullptr;
}

nvinfer1::IPluginV3* Plugin::clone() noexcept {
  return reported<nvinfer1::IPluginV3*>(nullptr, [&] { return new Plugin(*this); });
}

int32_t Plugin::getOutputDataTypes(DataType* outputs, int32_t output_count, const DataType* inputs,
                                   int32_t input_count) const noexcept {
  return reported<int32_t>(1, [&] {
    check_outputs(output_count);
    layout_of(settings_, input_count);
    outputs[0] = inputs[0];
    return 0;
  });
}

int32_t Plugin::getOutputShapes(const DimsExprs* inputs, int32_t input_count, const DimsExprs*, int32_t,
                                DimsExprs* outputs, int32_t output_count, nvinfer1::IExprBuilder&) noexcept {
  return reported<int32_t>(1, [&] {
    check_outputs(output_count);
    layout_of(settings_, input_count);
    if (inputs[0].nbDims < 2) refuse("input 0 (x) must have shape [.., hidden], not one dimension");
    outputs[0] = inputs[0];
    return 0;
  });
}

bool Plugin::supportsFormatCombination(int32_t position, const DynamicPluginTensorDesc* tensors, int32_t input_count,
                                       int32_t output_count) noexcept {
  return reported(false, [&] {
    check_outputs(output_count);
    const Layout layout = layout_of(settings_, input_count);
    const PluginTensorDesc& tensor = tensors[position].desc;
    if (tensor.format != nvinfer1::TensorFormat::kLINEAR) return false;
    if (position == layout.topk_ids) return tensor.type == DataType::kINT32;
    if (position == layout.topk_weights) return tensor.type == DataType::kFLOAT;
    if (position > 0) return tensor.type == tensors[0].desc.type;
    if (tensor.type != DataType::kBF16 && tensor.type != DataType::kHALF) return false;
    const auto wanted =
        tensor.type == DataType::kBF16 ? nvinfer1::PluginFieldType::kBF16 : nvinfer1::PluginFieldType::kFLOAT16;
    const Constants& constants = *settings_.constants;
    return (!settings_.has_weights() || constants.weights.type == wanted) &&
           (!settings_.has_predictor() || (constants.fc1.type == wanted && constants.fc2.type == wanted));
  });
}

int32_t Plugin::configurePlugin(const DynamicPluginTensorDesc* inputs, int32_t input_count,
                                const DynamicPluginTensorDesc*, int32_t output_count) noexcept {
  return reported<int32_t>(1, [&] {
    check_outputs(output_count);
    range_of(settings_, layout_of(settings_, input_count), inputs);
    return 0;
  });
}

size_t Plugin::getWorkspaceSize(const DynamicPluginTensorDesc* inputs, int32_t input_count,
                                const DynamicPluginTensorDesc*, int32_t) const noexcept {
  return reported<size_t>(0, [&] {
    const CallRange range = range_of(settings_, layout_of(settings_, input_count), inputs);
    return static_cast<size_t>(workspace_bytes(range.least, range.most));
  });
}

nvinfer1::IPluginV3* Plugin::attachToContext(nvinfer1::IPluginResourceContext* context) noexcept {
  nvinfer1::IErrorRecorder* recorder = context == nullptr ? nullptr : context->getErrorRecorder();
  return guarded<nvinfer1::IPluginV3*>(getPluginName(), recorder, nullptr, [&] {
    auto attached = std::make_unique<Plugin>(*this);
    attached->recorder_ = recorder;
    if (settings_.has_weights() || settings_.has_predictor()) {
      attached->device_constants_ = settings_.constants->on_current_device();
    }
    return attached.release();
  });
}

int32_t Plugin::onShapeChange(const PluginTensorDesc* inputs, int32_t input_count, const PluginTensorDesc*,
                              int32_t output_count) noexcept {
  return reported<int32_t>(1, [&] {
    check_outputs(output_count);
    const Layout layout = layout_of(settings_, input_count);
    const Call call = checked_call(settings_, layout, inputs);
    // The workspace grows with the multiprocessors, and TensorRT has allocated that of the device of the build.
    const int here = multiprocessors();
    if (here == 0) throw Refusal(ErrorCode::kINVALID_STATE, "there is no usable CUDA device");
    if (settings_.multiprocessors > 0 && here > settings_.multiprocessors) {
      throw Refusal(ErrorCode::kUNSUPPORTED_STATE, "the engine was built on a device of " +
                                                       std::to_string(settings_.multiprocessors) +
                                                       " multiprocessors and has too small a workspace for one of " +
                                                       std::to_string(here) + ": build it on this device");
    }
    layout_ = layout;
    call_ = call;
    return 0;
  });
}

Plugin::Tensors Plugin::tensors(const void* const* inputs, void* const* outputs) const {
  const auto input = [&](int at, const void* constant) { return at < 0 ? constant : inputs[at]; };
  const DeviceConstants* constants = device_constants_.get();
  Tensors out{};
  out.x = inputs[0];
  out.predictor_input = input(layout_.predictor_input, inputs[0]);
  out.weights = input(layout_.weights, constants == nullptr ? nullptr : constants->weights.data());
  out.fc1 = input(layout_.fc1, constants == nullptr ? nullptr : constants->fc1.data());
  out.fc2 = input(layout_.fc2, constants == nullptr ? nullptr : constants->fc2.data());
  out.topk_ids = static_cast<const int32_t*>(input(layout_.topk_ids, nullptr));
  out.topk_weights = static_cast<const float*>(input(layout_.topk_weights, nullptr));
  out.out = outputs[0];
  return out;
}

Status Plugin::run(const Tensors& tensors, int64_t first, int tokens, void* workspace, cudaStream_t stream) const {
  const Shape shape = call_.chunk(tokens);
  const Workspace at = workspace_of(call_, tokens);
  auto* bytes = static_cast<char*>(workspace);
  const auto row = [&](const void* base) { return static_cast<const uint16_t*>(base) + first * call_.hidden; };
  void* out = static_cast<uint16_t*>(tensors.out) + first * call_.hidden;
  Routing routing;
  if (call_.experts > 1) {
    routing = {tensors.topk_ids + first * call_.top_k, tensors.topk_weights + first * call_.top_k, call_.top_k};
  }
  if (call_.rank == 0) {
    return gate_first(shape, row(tensors.x), tensors.weights, settings_.gating, routing, nullptr, bytes + at.ffn, out,
                      stream);
  }
  const Predictor predictor{tensors.fc1, tensors.fc2, nullptr, nullptr, call_.rank, call_.threshold};
  const ActiveSet active{reinterpret_cast<uint8_t*>(bytes + at.union_bits),
                         reinterpret_cast<uint64_t*>(bytes + at.token_bits)};
  if (Status status = predict(shape, row(tensors.predictor_input), predictor, routing, nullptr, bytes + at.predictor,
                              active, stream);
      !status.ok()) {
    return status;
  }
  return ffn(shape, row(tensors.x), tensors.weights, active, settings_.gating, routing, bytes + at.ffn, out, stream);
}

int32_t Plugin::enqueue(const PluginTensorDesc*, const PluginTensorDesc*, const void* const* inputs,
                        void* const* outputs, void* workspace, cudaStream_t stream) noexcept {
  return reported<int32_t>(1, [&] {
    if (layout_.count == 0) throw Refusal(ErrorCode::kINVALID_STATE, "onShapeChange must come before enqueue");
    const Tensors all = tensors(inputs, outputs);
    if (all.weights == nullptr || (call_.rank > 0 && all.fc1 == nullptr)) {
      throw Refusal(ErrorCode::kINVALID_STATE, "attachToContext must come before enqueue");
    }
    for (int64_t first = 0; first < call_.tokens; first += kMaxTokens) {
      const int tokens = static_cast<int>(std::min<int64_t>(kMaxTokens, call_.tokens - first));
      const Status status = run(all, first, tokens, workspace, stream);
      if (!status.ok()) {
        throw Refusal(ErrorCode::kFAILED_EXECUTION,
                      status.message.empty() ? cudaGetErrorString(status.error) : status.message);
      }
    }
    return 0;
  });
}

const nvinfer1::PluginFieldCollection* Plugin::getFieldsToSerialize() noexcept {
  return reported<const nvinfer1::PluginFieldCollection*>(nullptr, [&] {
    Settings settings = settings_;
    // An engine that is written again keeps the device that it was built on.
    if (settings.multiprocessors == 0) settings.multiprocessors = multiprocessors();
    serialized_ = std::make_shared<SerializedFields>(settings);
    return serialized_->collection();
  });
}

}  // namespace turbosparse::tensorrt
