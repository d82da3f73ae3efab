// Finds the built kernel for a request, or says what is built instead.
#pragma once

#include <string>

#include "turbosparse/dispatch.h"

namespace turbosparse {

// Architectures whose code runs on the current device, best first.
struct ArchPreference {
  Arch archs[4];
  int count = 0;
};
Status arch_preference(ArchPreference* preference);

const char* name_of(Arch arch);
const char* name_of(DType dtype);
const char* name_of(Role role);

// Of the entries that fit (equal dtype, weight bits, role, activation and experts; depth equal, or at least the rank
// for a select; tokens at least those asked for) the one with the best architecture, then the smallest depth, then the
// fewest tokens.
template <class Args>
const KernelEntry<Args>* find_kernel(const KernelTable<Args>& table, const ArchPreference& preference,
                                     const KernelKey& wanted) {
  for (int p = 0; p < preference.count; ++p) {
    for (int i = 0; i < table.count; ++i) {
      const KernelKey& key = table.entries[i].key;
      const bool depth_fits = wanted.role == Role::select ? key.depth >= wanted.depth : key.depth == wanted.depth;
      // The table is sorted by depth and tokens after the fields compared here, so the first fit is the smallest.
      if (key.arch == preference.archs[p] && key.dtype == wanted.dtype && key.weight_bits == wanted.weight_bits &&
          key.role == wanted.role && depth_fits && key.activation == wanted.activation &&
          key.experts == wanted.experts && (key.tokens == 0 || key.tokens >= wanted.tokens)) {
        return &table.entries[i];
      }
    }
  }
  return nullptr;
}

// Of the support kernels.
inline KernelKey support_key(DType dtype) { return {Arch::sm_80, dtype, 16, Role::none, 0, Activation::drelu, 1, 0}; }

std::string describe_missing(const char* family, const KernelKey& wanted, const ArchPreference& preference,
                             const std::string& built);

// Looks `wanted` up (its arch is ignored) and launches it.
template <class Args>
Status launch_kernel(const char* family, const KernelTable<Args>& table, const KernelKey& wanted, const Args& args,
                     cudaStream_t stream) {
  ArchPreference preference;
  if (Status status = arch_preference(&preference); !status.ok()) return status;
  const KernelEntry<Args>* entry = find_kernel(table, preference, wanted);
  if (entry != nullptr) return entry->launch(args, stream);
  std::string built;
  for (int i = 0; i < table.count; ++i) built += std::string(i == 0 ? "" : ", ") + table.entries[i].name;
  return {cudaErrorNoKernelImageForDevice, describe_missing(family, wanted, preference, built)};
}

// Launches a support kernel that does not depend on the dtype: of any that is built.
template <class Args>
Status launch_support(const char* family, const KernelTable<Args>& table, const Args& args, cudaStream_t stream) {
  ArchPreference preference;
  if (Status status = arch_preference(&preference); !status.ok()) return status;
  const bool bf16 = find_kernel(table, preference, support_key(DType::bf16)) != nullptr;
  return launch_kernel(family, table, support_key(bf16 ? DType::bf16 : DType::fp16), args, stream);
}

}  // namespace turbosparse
