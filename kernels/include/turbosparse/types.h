// Types shared by the kernels, the launchers and every binding. No torch, no engine.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace turbosparse {

enum class DType : int { bf16, fp16 };
enum class Activation : int { drelu, reglu };
enum class Pipe : int { bulk, async };
// The instruction that multiplies: of a warp, or of four that read both operands from shared memory (sm_90a).
enum class MatrixOp : int { mma, wgmma, wgmma_rs };
enum class Arch : int { sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120a, compute_80 };

// What a kernel of a family computes. ffn_stream: whole (3 rows a neuron) or gate_given (2 rows). row_gemm: fc1,
// select, gate, gate_up or up. The other families: none.
enum class Role : int { none, whole, gate_given, fc1, select, gate, gate_up, up };

// The largest number of tokens of one call: one bit each in token_bits.
inline constexpr int kMaxTokens = 64;
// The largest number of experts whose routing weights a block keeps in shared memory.
inline constexpr int kMaxExperts = 64;
// Tokens up to which ffn_stream serves a call; more go through row_gemm and union_down.
inline constexpr int kMaxStreamTokens = 2;

// Columns of the rows that are normed: those that one block keeps in registers.
inline constexpr int kMaxNormColumns = 16384;

// The outcome of a launch: `message` is a sentence for the user, empty when all went well.
struct Status {
  cudaError_t error = cudaSuccess;
  std::string message;
  bool ok() const { return error == cudaSuccess && message.empty(); }
};

}  // namespace turbosparse
