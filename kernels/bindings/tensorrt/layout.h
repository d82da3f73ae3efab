// Where the inputs of a plugin are.
#pragma once

#include "settings.h"

namespace turbosparse::tensorrt {

// Positions among the inputs; -1 where there is no such input. x is input 0.
struct Layout {
  int count = 0;
  int predictor_input = -1;  // what the predictor reads: in TurboSparse-Mistral another tensor than x
  int topk_ids = -1;
  int topk_weights = -1;
  int weights = -1;
  int fc1 = -1;
  int fc2 = -1;
  bool predicts = false;  // else the gates decide

  const char* name_of(int input) const;
};

// Throws Refusal when a plugin of these settings takes no such number of inputs.
Layout layout_of(const Settings& settings, int inputs);

}  // namespace turbosparse::tensorrt
