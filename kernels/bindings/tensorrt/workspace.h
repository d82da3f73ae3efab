// What the operators of a call need of the workspace.
#pragma once

#include <cstdint>

#include "call.h"

namespace turbosparse::tensorrt {

// Byte offsets of the pieces for one chunk, each a multiple of 256. Without a predictor all are 0.
struct Workspace {
  int64_t predictor = 0;
  int64_t union_bits = 0;
  int64_t token_bits = 0;
  int64_t ffn = 0;  // or that of gate_first
};

Workspace workspace_of(const Call& call, int tokens_of_chunk);

// The bytes that the largest call of `least.tokens` to `most.tokens` tokens needs on the current device. Throws Refusal
// where there is none.
int64_t workspace_bytes(const Call& least, const Call& most);

// Of the current device, on which the size depends; 0 where there is none.
int multiprocessors();

}  // namespace turbosparse::tensorrt
