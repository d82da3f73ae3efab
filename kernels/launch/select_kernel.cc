#include "select_kernel.h"

namespace turbosparse {

Status arch_preference(ArchPreference* preference) {
  int device = 0;
  int major = 0;
  int minor = 0;
  if (cudaError_t error = cudaGetDevice(&device); error != cudaSuccess) return {error, {}};
  if (cudaError_t error = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
      error != cudaSuccess) {
    return {error, {}};
  }
  if (cudaError_t error = cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
      error != cudaSuccess) {
    return {error, {}};
  }
  const auto add = [&](Arch arch) { preference->archs[preference->count++] = arch; };
  // Machine code runs on later minor versions of its major version, but kernels are planned for what their architecture
  // has of shared memory: 8.6 and 8.9 have less than 8.0 and 8.7. An `a` architecture runs only on its own.
  if (major == 8 && (minor == 0 || minor == 7)) {
    add(Arch::sm_80);
  } else if (major == 8) {
    if (minor >= 9) add(Arch::sm_89);
    add(Arch::sm_86);
  } else if (major == 9 && minor == 0) {
    add(Arch::sm_90a);
  } else if (major == 10 && minor == 0) {
    add(Arch::sm_100a);
  } else if (major == 12 && minor == 0) {
    add(Arch::sm_120a);
  }
  add(Arch::compute_80);
  return {};
}

const char* name_of(Arch arch) {
  switch (arch) {
    case Arch::sm_80:
      return "sm_80";
    case Arch::sm_86:
      return "sm_86";
    case Arch::sm_89:
      return "sm_89";
    case Arch::sm_90a:
      return "sm_90a";
    case Arch::sm_100a:
      return "sm_100a";
    case Arch::sm_120a:
      return "sm_120a";
    case Arch::compute_80:
      return "compute_80";
  }
  return "unknown";
}

const char* name_of(DType dtype) { return dtype == DType::bf16 ? "bf16" : "fp16"; }

const char* name_of(Role role) {
  switch (role) {
    case Role::none:
      return "none";
    case Role::whole:
      return "whole";
    case Role::gate_given:
      return "gate_given";
    case Role::fc1:
      return "fc1";
    case Role::select:
      return "select";
    case Role::gate:
      return "gate";
    case Role::gate_up:
      return "gate_up";
    case Role::up:
      return "up";
  }
  return "unknown";
}

std::string describe_missing(const char* family, const KernelKey& wanted, const ArchPreference& preference,
                             const std::string& built) {
  std::string archs;
  for (int p = 0; p < preference.count; ++p) archs += std::string(p == 0 ? "" : " or ") + name_of(preference.archs[p]);
  std::string message = std::string("no ") + family + " kernel is built for " + archs + ", " + name_of(wanted.dtype);
  if (wanted.weight_bits == 8) message += ", int8 weights";
  if (wanted.role != Role::none) message += std::string(", ") + name_of(wanted.role);
  if (wanted.depth != 0) message += ", row length " + std::to_string(wanted.depth);
  if (wanted.role != Role::fc1 && wanted.role != Role::select && wanted.role != Role::none) {
    message += wanted.activation == Activation::drelu ? ", drelu" : ", reglu";
  }
  if (wanted.role != Role::none) message += ", " + std::to_string(wanted.experts) + " expert(s)";
  if (wanted.tokens != 0) message += ", " + std::to_string(wanted.tokens) + " token(s)";
  message +=
      "; built are: " + (built.empty() ? std::string("none") : built) + ". Add it with `" + add_kernel_command + "`.";
  return message;
}

}  // namespace turbosparse
