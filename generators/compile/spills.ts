import { counted } from "../counted.ts";
import { TurboSparseError } from "../errors.ts";
import type { KernelInstance } from "../plan/types.ts";
import { kernelName } from "./instance-resources.ts";
import type { KernelResources } from "./types.ts";

/**
 * Which kernels keep registers in memory, in words; undefined when none does. Spilled registers cost a kernel that waits
 * for memory the very bandwidth it is there to save, and ptxas only mentions them.
 */
export function spillReport(
  instances: readonly KernelInstance[],
  resources: readonly KernelResources[],
): string | undefined {
  const spilling = resources.filter(({ spillBytes }) => spillBytes > 0);
  if (spilling.length === 0) return undefined;
  const kernels = spilling.map((kernel) => {
    const name = kernelName(instances, kernel);
    return `${name} (${counted(kernel.spillBytes, "byte")}, ${kernel.registers} registers)`;
  });
  return `ptxas spills registers to memory in ${counted(kernels.length, "kernel")}: ${kernels.join(", ")}`;
}

/** What to say of kernels that spill when nobody allowed it. */
export function spillFailure(report: string): TurboSparseError {
  return new TurboSparseError({
    code: "TS4107",
    exit: "failed",
    message: `${report}.`,
    hint: "Leave the model, the architecture or the number of tokens out that needs them, and please report the shape; `--allow-spills` builds the wheel with slow kernels.",
  });
}
