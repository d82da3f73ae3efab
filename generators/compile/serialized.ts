import { counted } from "../counted.ts";
import type { KernelInstance } from "../plan/types.ts";
import { kernelName } from "./instance-resources.ts";
import type { KernelResources } from "./types.ts";

/**
 * Which kernels' matrix products wait for each other, in words; undefined when none do. A compiler other than the pinned
 * one may decide so: results are right, and slower than measured.
 */
export function serializedReport(
  instances: readonly KernelInstance[],
  resources: readonly KernelResources[],
): string | undefined {
  const names = resources.filter(({ serialized }) => serialized).map((kernel) => kernelName(instances, kernel));
  if (names.length === 0) return undefined;
  return `ptxas makes the matrix products of ${counted(names.length, "kernel")} wait for each other, which is slow: ${names.join(", ")}`;
}
