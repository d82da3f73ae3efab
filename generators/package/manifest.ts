import { sha256 } from "../compile/digest.ts";
import { commonFlags } from "../compile/flags.ts";
import type { Toolchain } from "../compile/toolchain/types.ts";
import type { CompiledLibrary } from "../compile/types.ts";
import type { BuildPlan } from "../plan/types.ts";
import { kernelFacts } from "./kernel-facts.ts";
import type { Manifest } from "./manifest-schema.ts";

/** Where the library lies in the wheel. */
export const libraryPath = "turbosparse/lib/libturbosparse.so";

export interface ManifestInputs {
  readonly version: string;
  readonly plan: BuildPlan;
  /** Those that the package is for. */
  readonly engines: readonly string[];
  readonly library: CompiledLibrary;
  readonly toolchain: Toolchain;
  readonly sourcesSha256: string;
}

/** What the wheel was built from and what is in it. */
export function createManifest(inputs: ManifestInputs): Manifest {
  const { version, plan, engines, library, toolchain, sourcesSha256 } = inputs;
  return {
    schemaVersion: 2,
    version,
    archs: [...plan.archs].sort(),
    engines: [...engines].sort(),
    models: models(plan),
    kernels: plan.instances.map((instance) => kernelFacts(instance, library.resources)),
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
