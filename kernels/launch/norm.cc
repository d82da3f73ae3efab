// The norms between a decoder's branches.
#include "select_kernel.h"
#include "turbosparse/operators.h"

namespace turbosparse {

Status add_rms_norm(DType dtype, const AddRmsNormArgs& args, cudaStream_t stream) {
  return launch_kernel("add_rms_norm", add_rms_norm_table, support_key(dtype), args, stream);
}

}  // namespace turbosparse
