import { groupName } from "../plan/names.ts";
import type { Arch, BuildPlan } from "../plan/types.ts";
import type { FileSet } from "../render/types.ts";
import { unitFlags } from "./flags.ts";
import { reachable } from "./includes.ts";
import type { Unit } from "./types.ts";

const sharedFolders = ["kernels/launch/", "kernels/bindings/"];

/**
 * All translation units of a build, sorted by path: one a generated source, and the launchers and bindings.
 * `sources` are the files of kernels/; a generated source is compiled for its group's architecture only.
 */
export function listUnits(plan: BuildPlan, generated: FileSet, sources: FileSet): Unit[] {
  const archOfGroup = new Map(plan.instances.map((instance) => [`kernels/${groupName(instance)}.cu`, instance.arch]));
  const all = new Map([...sources, ...generated]);
  const shared = [...sources.keys()].filter((path) => sharedFolders.some((folder) => path.startsWith(folder)));
  return [...generated.keys(), ...shared]
    .filter((path) => path.endsWith(".cu") || path.endsWith(".cc"))
    .sort()
    .map((path) => unit(path, archOfGroup.get(path), plan.archs, all));
}

function unit(path: string, groupArch: Arch | undefined, planArchs: readonly Arch[], all: FileSet): Unit {
  const { files, external } = reachable(path, all);
  const usesTvmFfi = external.has("tvm");
  const archs = path.endsWith(".cc") ? [] : groupArch === undefined ? [...planArchs].sort() : [groupArch];
  return { path, archs, files, usesTvmFfi, flags: unitFlags(path, archs, usesTvmFfi) };
}
