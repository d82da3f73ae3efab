// The tables of built kernels. dispatch.cu, generated, defines them sorted by key; launch/ searches them.
#pragma once

#include "turbosparse/args.h"
#include "turbosparse/types.h"

namespace turbosparse {

struct KernelKey {
  Arch arch;
  DType dtype;
  // Of a weight: 8 for fc2 in two int8 planes, else 16.
  int weight_bits;
  Role role;
  // Row length: hidden, or the rank class for Role::select; 0 for support kernels.
  int depth;
  // Activation::drelu where the kernel has none (fc1, select, union_down, support).
  Activation activation;
  // 1 where the kernel does not depend on the experts (support).
  int experts;
  // 0 for support kernels.
  int tokens;
};

template <class Args>
struct KernelEntry {
  KernelKey key;
  const char* name;
  Status (*launch)(const Args&, cudaStream_t);
};

template <class Args>
struct KernelTable {
  const KernelEntry<Args>* entries;
  int count;
};

extern const KernelTable<FfnStreamArgs> ffn_stream_table;
extern const KernelTable<RowGemmArgs> row_gemm_table;
extern const KernelTable<UnionDownArgs> union_down_table;
extern const KernelTable<ReduceArgs> reduce_table;
extern const KernelTable<PackMaskArgs> pack_mask_table;
extern const KernelTable<PackLogitsArgs> pack_logits_table;
extern const KernelTable<ActivateArgs> activate_table;
extern const KernelTable<GroupTokensArgs> group_tokens_table;
extern const KernelTable<SumSlotsArgs> sum_slots_table;
extern const KernelTable<AddRmsNormArgs> add_rms_norm_table;

// The command that adds a missing shape, for the message of a lookup that fails.
extern const char* const add_kernel_command;

}  // namespace turbosparse
