// Host side of a launch: attributes, dependent launch, device properties.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <atomic>

#include "turbosparse/types.h"

namespace turbosparse {

// A translation unit is compiled for exactly one architecture, so its host code knows what its kernels contain.
inline constexpr bool kDependentLaunch = __CUDA_ARCH_LIST__ >= 900;

// Raises the dynamic shared memory limit of `kernel` once a device, for which `configured` holds one bit each, and
// tells how many multiprocessors the current device has.
template <class Kernel>
Status prepare(Kernel* kernel, int shared_bytes, std::atomic<uint64_t>* configured, int* multiprocessors) {
  int device = 0;
  if (cudaError_t error = cudaGetDevice(&device); error != cudaSuccess) return {error, {}};
  if (cudaError_t error = cudaDeviceGetAttribute(multiprocessors, cudaDevAttrMultiProcessorCount, device);
      error != cudaSuccess) {
    return {error, {}};
  }
  const uint64_t bit = uint64_t{1} << (device % 64);
  if (configured->load(std::memory_order_relaxed) & bit) return {};
  cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
  // A kernel that wants another split between shared memory and L1 cannot start beside one that still runs.
  if (error == cudaSuccess) {
    error =
        cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, cudaSharedmemCarveoutMaxShared);
  }
  if (error == cudaSuccess) configured->fetch_or(bit, std::memory_order_relaxed);
  return {error, {}};
}

// `blocks` are a multiple of `cluster`.
template <class Args>
Status launch(void (*kernel)(Args), const Args& args, dim3 blocks, int threads, int shared_bytes, cudaStream_t stream,
              int cluster = 1) {
  cudaLaunchAttribute attributes[2]{};
  attributes[0].id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attributes[0].val.programmaticStreamSerializationAllowed = 1;
  attributes[1].id = cudaLaunchAttributeClusterDimension;
  attributes[1].val.clusterDim = {static_cast<unsigned>(cluster), 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = blocks;
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = static_cast<size_t>(shared_bytes);
  config.stream = stream;
  config.attrs = attributes;
  config.numAttrs = !kDependentLaunch ? 0 : cluster == 1 ? 1 : 2;
  return {cudaLaunchKernelEx(&config, kernel, args), {}};
}

// How many clusters of blocks the current device runs at once. The multiprocessors of a cluster are neighbours, so
// there are fewer than their number says. Asked for once a device, for which `known` has a place each.
template <class Args>
Status resident_clusters(void (*kernel)(Args), int threads, int shared_bytes, int cluster,
                         std::array<std::atomic<int>, 64>* known, int* clusters) {
  int device = 0;
  if (cudaError_t error = cudaGetDevice(&device); error != cudaSuccess) return {error, {}};
  std::atomic<int>& answer = (*known)[device % 64];
  *clusters = answer.load(std::memory_order_relaxed);
  if (*clusters > 0) return {};
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim = {static_cast<unsigned>(cluster), 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(cluster));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = static_cast<size_t>(shared_bytes);
  config.attrs = &attribute;
  config.numAttrs = 1;
  const cudaError_t error = cudaOccupancyMaxActiveClusters(clusters, kernel, &config);
  if (error == cudaSuccess) answer.store(*clusters, std::memory_order_relaxed);
  return {error, {}};
}

}  // namespace turbosparse
