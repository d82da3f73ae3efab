// One FFN layer of random bf16 weights over a random active set: ffn [hidden] [intermediate] [tokens] [density]
#include <cuda_runtime.h>
#include <turbosparse/operators.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

using namespace turbosparse;

static void check(cudaError_t error) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "CUDA: %s\n", cudaGetErrorString(error));
  std::exit(1);
}

static void check(const Status& status) {
  if (!status.message.empty()) std::fprintf(stderr, "turbosparse: %s\n", status.message.c_str());
  if (!status.message.empty()) std::exit(1);
  check(status.error);
}

template <class T>
static T* on_device(const std::vector<T>& values) {
  T* data = nullptr;
  check(cudaMalloc(&data, values.size() * sizeof(T)));
  check(cudaMemcpy(data, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
  return data;
}

int main(int count, char** arguments) {
  const auto size = [&](int at, int otherwise) { return count > at ? std::atoi(arguments[at]) : otherwise; };
  const Shape shape{DType::bf16, size(3, 1), size(1, 4096), size(2, 14336), 1};
  std::mt19937 random;
  // 0x3c00 is 2^-7 in bf16, 0x8000 the sign.
  const auto weight = [&] { return static_cast<uint16_t>(0x3c00 | (random() & 0x807f)); };
  const auto fill = [&](size_t elements) {
    std::vector<uint16_t> values(elements);
    for (uint16_t& value : values) value = weight();
    return on_device(values);
  };
  std::bernoulli_distribution is_active(count > 4 ? std::atof(arguments[4]) : 0.1);
  std::vector<uint8_t> mask(static_cast<size_t>(shape.tokens) * shape.intermediate);
  size_t active_neurons = 0;
  for (uint8_t& bit : mask) active_neurons += bit = is_active(random);

  uint16_t* x = fill(static_cast<size_t>(shape.tokens) * shape.hidden);
  uint16_t* weights = fill(static_cast<size_t>(shape.intermediate) * 3 * shape.hidden);
  uint16_t* out = fill(static_cast<size_t>(shape.tokens) * shape.hidden);
  const ActiveSet active{on_device(std::vector<uint8_t>(4 * ((shape.intermediate + 31) / 32))),
                         on_device(std::vector<uint64_t>(shape.intermediate))};
  uint8_t* workspace = on_device(std::vector<uint8_t>(ffn_workspace_bytes(shape)));
  check(pack_mask(shape, on_device(mask), active, nullptr));

  const auto run = [&] { check(ffn(shape, x, weights, active, {Activation::drelu, 0}, {}, workspace, out, nullptr)); };
  cudaEvent_t begin, end;
  check(cudaEventCreate(&begin));
  check(cudaEventCreate(&end));
  for (int i = 0; i < 10; ++i) run();
  check(cudaEventRecord(begin));
  for (int i = 0; i < 100; ++i) run();
  check(cudaEventRecord(end));
  check(cudaEventSynchronize(end));
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin, end));
  std::printf("%.1f us at density %.3f\n", 10 * milliseconds, static_cast<double>(active_neurons) / mask.size());
}
