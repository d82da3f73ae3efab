// The dense path's kernels, one launch each.
#include "select_kernel.h"
#include "turbosparse/operators.h"

namespace turbosparse {

Status pack_logits(DType dtype, const PackLogitsArgs& args, cudaStream_t stream) {
  return launch_kernel("pack_logits", pack_logits_table, support_key(dtype), args, stream);
}

Status activate(DType dtype, const ActivateArgs& args, cudaStream_t stream) {
  return launch_kernel("activate", activate_table, support_key(dtype), args, stream);
}

Status group_tokens(const GroupTokensArgs& args, cudaStream_t stream) {
  return launch_support("group_tokens", group_tokens_table, args, stream);
}

Status sum_slots(DType dtype, const SumSlotsArgs& args, cudaStream_t stream) {
  return launch_kernel("sum_slots", sum_slots_table, support_key(dtype), args, stream);
}

}  // namespace turbosparse
