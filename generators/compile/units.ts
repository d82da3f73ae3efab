import { posix } from "node:path";
import { groupName } from "../plan/names.ts";
import type { Arch, BuildPlan } from "../plan/types.ts";
import type { FileSet } from "../render/types.ts";
import { externalsOf } from "./external.ts";
import { unitFlags, type Visibility } from "./flags.ts";
import { reachable } from "./includes.ts";
import { bindingsRoot, type LibraryDefinition } from "./libraries.ts";
import type { Unit } from "./types.ts";

const launchers = "kernels/launch/";

/**
 * The files of kernels/ that decide what is in a library: all but the bindings of other engines, which have folders of
 * their own.
 */
export function librarySources({ bindings }: LibraryDefinition, sources: FileSet): FileSet {
  return new Map(
    [...sources].filter(([path]) => !path.startsWith(`${bindingsRoot}/`) || posix.dirname(path) === bindings),
  );
}

/**
 * All translation units of a library, sorted by path: one a generated source, and the launchers and bindings.
 * `sources` are the files of kernels/; a generated source is compiled for its group's architecture only.
 */
export function listUnits(plan: BuildPlan, generated: FileSet, sources: FileSet, library: LibraryDefinition): Unit[] {
  const archOfGroup = new Map(plan.instances.map((instance) => [`kernels/${groupName(instance)}.cu`, instance.arch]));
  const own = librarySources(library, sources);
  const all = new Map([...own, ...generated]);
  const shared = [...own.keys()].filter((path) => path.startsWith(launchers) || path.startsWith(`${bindingsRoot}/`));
  return [...generated.keys(), ...shared]
    .filter((path) => path.endsWith(".cu") || path.endsWith(".cc"))
    .sort()
    .map((path) => {
      const group = archOfGroup.get(path);
      const archs = path.endsWith(".cc") ? [] : group === undefined ? [...plan.archs].sort() : [group];
      return unit(path, archs, all, path.startsWith(launchers) ? library.launchers : "hidden");
    });
}

function unit(path: string, archs: readonly Arch[], all: FileSet, visibility: Visibility): Unit {
  const { files, external } = reachable(path, all);
  const others = externalsOf(external);
  const flags = unitFlags(path, archs, others, visibility);
  return { path, archs, files, external: others.map(({ name }) => name), flags };
}
