#include "layout.h"

#include <string>

#include "refusal.h"

namespace turbosparse::tensorrt {
namespace {

// The order is that of docs/onnx.md; what is a field is no input.
Layout layout_with(const Settings& settings, bool predicts) {
  Layout out;
  out.predicts = predicts;
  int next = 1;
  if (settings.kind == Kind::ffn && predicts) out.predictor_input = next++;
  if (settings.kind == Kind::moe) {
    out.topk_ids = next++;
    out.topk_weights = next++;
  }
  if (!settings.has_weights()) out.weights = next++;
  if (predicts && !settings.has_predictor()) {
    out.fc1 = next++;
    out.fc2 = next++;
  }
  out.count = next;
  return out;
}

std::string names_of(const Layout& layout) {
  std::string names;
  for (int input = 0; input < layout.count; ++input) {
    names += (input == 0 ? "" : ", ") + std::string(layout.name_of(input));
  }
  return names;
}

}  // namespace

const char* Layout::name_of(int input) const {
  if (input == predictor_input) return "predictor_input";
  if (input == topk_ids) return "topk_ids";
  if (input == topk_weights) return "topk_weights";
  if (input == weights) return "weights";
  if (input == fc1) return "fc1";
  if (input == fc2) return "fc2";
  return "x";
}

Layout layout_of(const Settings& settings, int inputs) {
  const Layout predicting = layout_with(settings, true);
  if (inputs == predicting.count) return predicting;
  if (settings.has_predictor()) {
    refuse("its inputs must be " + names_of(predicting) + ", not " + std::to_string(inputs) + " inputs");
  }
  const Layout plain = layout_with(settings, false);
  if (inputs != plain.count) {
    refuse("its inputs must be " + names_of(plain) + ", or with a predictor " + names_of(predicting) + ", not " +
           std::to_string(inputs) + " inputs");
  }
  if (settings.threshold) refuse("field `threshold` is for a predictor, and there is none");
  return plain;
}

}  // namespace turbosparse::tensorrt
