#include "call.h"

#include <string>

#include "inputs.h"
#include "refusal.h"

namespace turbosparse::tensorrt {
namespace {

using nvinfer1::DataType;

constexpr int kMaxRank = 8192;
constexpr int kMaxNeurons = 1 << 20;
constexpr const char* kTypeOfX = "of the type of x";

DType dtype_of(const Inputs& inputs) {
  if (inputs.type(0) == DataType::kBF16) return DType::bf16;
  if (inputs.type(0) == DataType::kHALF) return DType::fp16;
  refuse(inputs.named(0) + " must be bfloat16 or float16");
}

int64_t checked_tokens(const Inputs& inputs) {
  const nvinfer1::Dims& dims = inputs.dims(0);
  if (dims.nbDims < 2) refuse(inputs.named(0) + " must have shape [.., hidden], not " + text_of(dims));
  int64_t tokens = 1;
  for (int i = 0; i + 1 < dims.nbDims; ++i) {
    if (dims.d[i] < 0) refuse(inputs.named(0) + " has no definite shape: " + text_of(dims));
    tokens *= dims.d[i];
  }
  return tokens;
}

void check_constant(const char* name, const Constant& constant, DType dtype) {
  const bool bf16 = constant.type == nvinfer1::PluginFieldType::kBF16;
  if (bf16 != (dtype == DType::bf16)) refuse("field `" + std::string(name) + "` must be " + kTypeOfX);
}

// How many rows of `row` elements a field holds.
int64_t rows_of(const char* name, const Constant& constant, int64_t row, const char* shape) {
  const auto elements = static_cast<int64_t>(constant.elements.size());
  if (elements % row == 0) return elements / row;
  refuse("field `" + std::string(name) + "` must have the elements of " + shape + ", a multiple of " +
         std::to_string(row) + ", not " + std::to_string(elements));
}

void read_constant_weights(Call& call, const Constants& constants) {
  check_constant("weights", constants.weights, call.dtype);
  const int64_t row = int64_t{3} * call.hidden * constants.experts;
  const int64_t neurons = rows_of("weights", constants.weights, row, "[experts, intermediate, 3, hidden]");
  if (neurons > kMaxNeurons) refuse("field `weights` must have at most 2^20 neurons, not " + std::to_string(neurons));
  call.experts = constants.experts;
  call.intermediate = static_cast<int>(neurons);
}

void read_weights(Call& call, Kind kind, int at, const Inputs& inputs) {
  inputs.check_type(at, inputs.type(0), kTypeOfX);
  if (kind == Kind::ffn) {
    inputs.check_shape(at, "[intermediate, 3, hidden]", {-1, 3, call.hidden});
    call.intermediate = inputs.size(at, 0, "neurons", 1, kMaxNeurons);
    return;
  }
  inputs.check_shape(at, "[experts, intermediate, 3, hidden]", {-1, -1, 3, call.hidden});
  call.experts = inputs.size(at, 0, "experts", 2, kMaxExperts);
  call.intermediate = inputs.size(at, 1, "neurons", 1, kMaxNeurons);
}

void read_routing(Call& call, const Layout& layout, const Inputs& inputs) {
  inputs.check_type(layout.topk_ids, DataType::kINT32, "int32");
  inputs.check_type(layout.topk_weights, DataType::kFLOAT, "float32");
  for (const int at : {layout.topk_ids, layout.topk_weights}) inputs.check_leading(at, "[.., top_k]");
  const int last = inputs.dims(0).nbDims - 1;
  call.top_k = inputs.size(layout.topk_ids, last, "experts a token", 1, kMaxExperts);
  inputs.size(layout.topk_weights, last, "experts a token, as topk_ids has", call.top_k, call.top_k);
}

int64_t constant_rank(const Call& call, const Constants& constants) {
  check_constant("fc1", constants.fc1, call.dtype);
  check_constant("fc2", constants.fc2, call.dtype);
  if (constants.experts != call.experts) {
    refuse("field `experts` must be " + std::to_string(call.experts) + ", as the weights have, not " +
           std::to_string(constants.experts));
  }
  const int64_t row = int64_t{1} * call.experts * call.hidden;
  const int64_t rank = rows_of("fc1", constants.fc1, row, "[experts, rank, hidden]");
  const int64_t wanted = int64_t{1} * call.experts * call.intermediate * rank;
  const auto found = static_cast<int64_t>(constants.fc2.elements.size());
  if (found != wanted) {
    refuse("field `fc2` must have the " + std::to_string(wanted) + " elements of [experts, intermediate, rank], not " +
           std::to_string(found));
  }
  return rank;
}

int64_t input_rank(const Call& call, Kind kind, const Layout& layout, const Inputs& inputs) {
  for (const int at : {layout.fc1, layout.fc2}) inputs.check_type(at, inputs.type(0), kTypeOfX);
  if (kind == Kind::ffn) {
    inputs.check_shape(layout.fc1, "[rank, hidden]", {-1, call.hidden});
    const int64_t rank = inputs.dims(layout.fc1).d[0];
    inputs.check_shape(layout.fc2, "[intermediate, rank]", {call.intermediate, rank});
    return rank;
  }
  inputs.check_shape(layout.fc1, "[experts, rank, hidden]", {call.experts, -1, call.hidden});
  const int64_t rank = inputs.dims(layout.fc1).d[1];
  inputs.check_shape(layout.fc2, "[experts, intermediate, rank]", {call.experts, call.intermediate, rank});
  return rank;
}

void read_predictor(Call& call, const Settings& settings, const Layout& layout, const Inputs& inputs) {
  const int64_t rank = settings.has_predictor() ? constant_rank(call, *settings.constants)
                                                : input_rank(call, settings.kind, layout, inputs);
  if (rank < 64 || rank > kMaxRank || rank % 64 != 0) {
    refuse("the predictor's rank must be a multiple of 64 up to " + std::to_string(kMaxRank) + ", not " +
           std::to_string(rank));
  }
  call.rank = static_cast<int>(rank);
  // Where round(sigmoid(z)) of the released models becomes 1 in this dtype.
  call.threshold = settings.threshold.value_or(call.dtype == DType::bf16 ? 0x1p-7f : 0x1p-10f);
  if (layout.predictor_input < 0) return;
  inputs.check_type(layout.predictor_input, inputs.type(0), kTypeOfX);
  inputs.check_leading(layout.predictor_input, "[.., hidden]");
  const int last = inputs.dims(0).nbDims - 1;
  inputs.size(layout.predictor_input, last, "elements a row, as x has", call.hidden, call.hidden);
}

}  // namespace

Call checked_call(const Settings& settings, const Layout& layout, const nvinfer1::PluginTensorDesc* descriptions) {
  const Inputs inputs(layout, descriptions);
  Call call;
  call.dtype = dtype_of(inputs);
  call.tokens = checked_tokens(inputs);
  call.hidden = inputs.size(0, inputs.dims(0).nbDims - 1, "elements a row", 8, 1 << 17);
  const int given = settings.constants->hidden;
  if (given > 0 && given != call.hidden) {
    refuse("field `hidden` must be " + std::to_string(call.hidden) + ", the length of the rows of x, not " +
           std::to_string(given));
  }
  if (settings.has_weights()) {
    read_constant_weights(call, *settings.constants);
  } else {
    read_weights(call, settings.kind, layout.weights, inputs);
  }
  if (settings.kind == Kind::moe) read_routing(call, layout, inputs);
  if (layout.predicts) read_predictor(call, settings, layout, inputs);
  return call;
}

}  // namespace turbosparse::tensorrt
