import { instanceResources } from "../compile/instance-resources.ts";
import type { KernelResources } from "../compile/types.ts";
import { archLimits, occupancy, residentBlocks } from "../plan/archs.ts";
import { launchedBlock } from "../plan/blocks.ts";
import { instanceName } from "../plan/names.ts";
import type { KernelInstance } from "../plan/types.ts";
import type { Manifest } from "./manifest-schema.ts";

/**
 * What the manifest says of one kernel: what ptxas reported, what a launch asks for, and how much of a multiprocessor
 * that leaves to use. Where an instance has several kernels, each value is the largest, and the occupancy that of all
 * together.
 */
export function kernelFacts(
  instance: KernelInstance,
  resources: readonly KernelResources[],
): Manifest["kernels"][number] {
  const { family, ...parameters } = instance;
  const block = launchedBlock(instance);
  const compiled = instanceResources(instance, resources);
  return { name: instanceName(instance), family, parameters, ...compiled, ...block, ...residence(instance, compiled) };
}

function residence(
  instance: KernelInstance,
  { registers, staticSharedBytes }: ReturnType<typeof instanceResources>,
): Pick<Manifest["kernels"][number], "blocksPerMultiprocessor" | "occupancy"> {
  if (registers === null || staticSharedBytes === null) return { blocksPerMultiprocessor: null, occupancy: null };
  const { threads, dynamicSharedBytes } = launchedBlock(instance);
  const block = { threads, registers, sharedBytes: dynamicSharedBytes + staticSharedBytes };
  const limits = archLimits[instance.arch];
  return { blocksPerMultiprocessor: residentBlocks(limits, block), occupancy: occupancy(limits, block) };
}
