// One FFN layer of random bf16 weights over a random active set: ffn [hidden] [intermediate] [tokens] [density]
#include <cuda_runtime.h>
#include <turbosparse/operators.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

using namespace turbosparse;

static void check(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.message.empty() ? cudaGetErrorString(status.error) : status.message.c_str());
  std::exit(1);
}

template <class T>
static T* on_device(const std::vector<T>& values) {
  T* data = nullptr;
  check({cudaMalloc(&data, values.size() * sizeof(T)), {}});
  check({cudaMemcpy(data, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice), {}});
  return data;
}

int main(int count, char** arguments) {
  const auto size = [&](int at, int otherwise) { return count > at ? std::atoi(arguments[at]) : otherwise; };
  const Shape shape{DType::bf16, size(3, 1), size(1, 4096), size(2, 14336), 1};
  std::mt19937 random;
  const auto values = [&](size_t elements) {
    std::vector<uint16_t> out(elements);
    // Of either sign: 0x3c00 is 2^-7 in bf16.
    for (uint16_t& value : out) value = static_cast<uint16_t>(0x3c00 | (random() & 0x807f));
    return on_device(out);
  };
  std::bernoulli_distribution is_active(count > 4 ? std::atof(arguments[4]) : 0.1);
  std::vector<uint8_t> mask(static_cast<size_t>(shape.tokens) * shape.intermediate);
  double active_neurons = 0;
  for (uint8_t& bit : mask) active_neurons += bit = is_active(random);

  const size_t elements = static_cast<size_t>(shape.tokens) * shape.hidden;
  uint16_t *x = values(elements), *out = values(elements),
           *weights = values(size_t{3} * shape.intermediate * shape.hidden);
  const ActiveSet active{on_device(std::vector<uint8_t>(4 * ((shape.intermediate + 31) / 32))),
                         on_device(std::vector<uint64_t>(shape.intermediate))};
  uint8_t* workspace = on_device(std::vector<uint8_t>(ffn_workspace_bytes(shape)));
  check(pack_mask(shape, on_device(mask), active, nullptr));

  cudaEvent_t events[2];
  for (cudaEvent_t& event : events) check({cudaEventCreate(&event), {}});
  for (int call = 0; call < 110; ++call) {
    if (call == 10) check({cudaEventRecord(events[0]), {}});
    check(ffn(shape, x, weights, active, {Activation::drelu, 0}, {}, workspace, out, nullptr));
  }
  check({cudaEventRecord(events[1]), {}});
  check({cudaEventSynchronize(events[1]), {}});
  float milliseconds = 0;
  check({cudaEventElapsedTime(&milliseconds, events[0], events[1]), {}});
  std::printf("%.1f us at density %.3f\n", 10 * milliseconds, active_neurons / mask.size());
}
