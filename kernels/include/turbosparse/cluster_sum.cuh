// Adds the partial outputs of the two blocks of a cluster through distributed shared memory (sm_90 and later).
#pragma once

#include "turbosparse/device.cuh"

namespace turbosparse {

__device__ __forceinline__ uint32_t cluster_rank() {
  uint32_t rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}
__device__ __forceinline__ void cluster_barrier() {
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}
__device__ __forceinline__ void store_remote(uint32_t rank, const float* shared, const float* value) {
  uint32_t address;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(address) : "r"(shared_address(shared)), "r"(rank));
  asm volatile("st.shared::cluster.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(address), "f"(value[0]), "f"(value[1]),
               "f"(value[2]), "f"(value[3])
               : "memory");
}

// Block 1 sends its output into `inbox` of block 0, which adds it to its own and writes `partial`. All threads of both
// blocks call this once their rings are idle.
template <class Output>
__device__ void cluster_sum(Output& output, float* inbox, int tokens, float* partial) {
  cluster_barrier();
  if (cluster_rank() == 1) {
    output.for_output(tokens, [&](int offset, const float* value) { store_remote(0, inbox + offset, value); });
  }
  cluster_barrier();
  if (cluster_rank() == 0) {
    output.for_output(tokens, [&](int offset, const float* value) {
      const float4 other = *reinterpret_cast<const float4*>(inbox + offset);
      *reinterpret_cast<float4*>(partial + offset) =
          make_float4(value[0] + other.x, value[1] + other.y, value[2] + other.z, value[3] + other.w);
    });
  }
}

}  // namespace turbosparse
