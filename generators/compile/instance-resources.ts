import { instanceName } from "../plan/names.ts";
import type { KernelInstance } from "../plan/types.ts";
import { configName } from "../render/instance-contexts.ts";
import type { KernelResources } from "./types.ts";

/** The largest of what ptxas reports of an instance's kernels; null where it reports nothing, as of PTX. */
export interface InstanceResources {
  readonly registers: number | null;
  readonly spillBytes: number | null;
  readonly staticSharedBytes: number | null;
}

/** PTX has no registers yet: the driver allocates them when it compiles, so they are null. */
export function instanceResources(instance: KernelInstance, resources: readonly KernelResources[]): InstanceResources {
  const own = resources.filter((kernel) => belongsTo(kernel, instance));
  const largest = (value: (kernel: KernelResources) => number): number | null =>
    own.length === 0 ? null : Math.max(...own.map(value));
  return {
    registers: largest((kernel) => kernel.registers),
    spillBytes: largest((kernel) => kernel.spillBytes),
    staticSharedBytes: largest((kernel) => kernel.staticSharedBytes),
  };
}

/** The instance's name, or the symbol of a kernel that is of none. */
export function kernelName(instances: readonly KernelInstance[], kernel: KernelResources): string {
  const instance = instances.find((candidate) => belongsTo(kernel, candidate));
  return instance === undefined ? kernel.symbol : instanceName(instance);
}

/** In a mangled name an identifier follows its length; every kernel template has the configuration once. */
function belongsTo({ symbol }: KernelResources, instance: KernelInstance): boolean {
  const config = configName(instance);
  return symbol.includes(`${config.length}${config}`);
}
