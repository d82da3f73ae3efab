import { sha256 } from "../compile/digest.ts";
import { commonFlags } from "../compile/flags.ts";
import { instanceResources } from "../compile/instance-resources.ts";
import type { Toolchain } from "../compile/toolchain/types.ts";
import type { CompiledLibrary, KernelResources } from "../compile/types.ts";
import { instanceName } from "../plan/names.ts";
import type { BuildPlan, KernelInstance } from "../plan/types.ts";
import type { Manifest } from "./manifest-schema.ts";

/** Where the library lies in the wheel. */
export const libraryPath = "turbosparse/lib/libturbosparse.so";

export interface ManifestInputs {
  readonly version: string;
  readonly plan: BuildPlan;
  readonly library: CompiledLibrary;
  readonly toolchain: Toolchain;
  readonly sourcesSha256: string;
}

/** What the wheel was built from and what is in it. */
export function createManifest({ version, plan, library, toolchain, sourcesSha256 }: ManifestInputs): Manifest {
  return {
    schemaVersion: 1,
    version,
    archs: [...plan.archs].sort(),
    engines: [...plan.engines].sort(),
    models: models(plan),
    kernels: plan.instances.map((instance) => kernel(instance, library.resources)),
    toolchain: {
      nvcc: toolchain.nvcc.version,
      flags: [...commonFlags],
      host: toolchain.host.version,
      tvmFfi: toolchain.versions.tvmFfi,
    },
    sources: { sha256: sourcesSha256 },
    library: { path: libraryPath, sha256: sha256(library.bytes), bytes: library.bytes.length },
  };
}

function models(plan: BuildPlan): Manifest["models"] {
  const names = [...new Set(plan.shards.map(({ model }) => model.name))].sort();
  return names.flatMap((name) => {
    const shards = plan.shards.filter(({ model }) => model.name === name);
    const model = shards[0]?.model;
    if (model === undefined) return [];
    const tensorParallel = shards.map((shard) => shard.tensorParallel).sort((a, b) => a - b);
    return [{ ...model, predictorRanks: [...model.predictorRanks], tensorParallel }];
  });
}

function kernel(instance: KernelInstance, resources: readonly KernelResources[]): Manifest["kernels"][number] {
  const { family, ...parameters } = instance;
  return { name: instanceName(instance), family, parameters, ...instanceResources(instance, resources) };
}
