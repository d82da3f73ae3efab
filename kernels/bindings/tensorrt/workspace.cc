#include "workspace.h"

#include <cuda_runtime_api.h>

#include <algorithm>

#include "refusal.h"

namespace turbosparse::tensorrt {
namespace {

int64_t aligned(int64_t bytes) { return (bytes + 255) / 256 * 256; }

int64_t chunk_bytes(const Call& call, int tokens) {
  const Shape shape = call.chunk(tokens);
  const int64_t bytes = call.rank > 0 ? ffn_workspace_bytes(shape) : gate_first_workspace_bytes(shape);
  if (bytes < 0) throw Refusal(nvinfer1::ErrorCode::kINVALID_STATE, "there is no usable CUDA device");
  return workspace_of(call, tokens).ffn + bytes;
}

}  // namespace

Workspace workspace_of(const Call& call, int tokens) {
  Workspace out;
  if (call.rank == 0) return out;
  const int64_t neurons = int64_t{1} * call.experts * call.intermediate;
  const int64_t bitmap = int64_t{4} * call.experts * ((call.intermediate + 31) / 32);
  out.union_bits = aligned(predict_workspace_bytes(call.chunk(tokens), call.rank));
  out.token_bits = out.union_bits + aligned(bitmap);
  out.ffn = out.token_bits + aligned(neurons * static_cast<int64_t>(sizeof(uint64_t)));
  return out;
}

int64_t workspace_bytes(const Call& least, const Call& most) {
  // More tokens may need less. Beyond one chunk the last one may be of any size.
  const int64_t first = most.tokens > kMaxTokens ? 1 : std::max<int64_t>(least.tokens, 1);
  const int64_t last = std::min<int64_t>(most.tokens, kMaxTokens);
  int64_t bytes = 0;
  for (int64_t tokens = first; tokens <= last; ++tokens) {
    bytes = std::max(bytes, chunk_bytes(most, static_cast<int>(tokens)));
  }
  return bytes;
}

int multiprocessors() {
  int device = 0;
  int count = 0;
  if (cudaGetDevice(&device) != cudaSuccess) return 0;
  if (cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device) != cudaSuccess) return 0;
  return count;
}

}  // namespace turbosparse::tensorrt
