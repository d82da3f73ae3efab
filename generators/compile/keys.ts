import { sha256 } from "./digest.ts";
import { linkFlags } from "./flags.ts";
import type { ToolVersions } from "./toolchain/types.ts";
import type { Unit } from "./types.ts";

/** Raised when what an entry holds, or what a key covers, changes. */
const keySchema = 1;

/**
 * Cache key of a unit's object: a digest of every byte that can change it, which leaves out times and absolute paths.
 * The relative paths are in: nvcc writes the source's into the object, and swapped headers are another program.
 */
export function unitKey(unit: Unit, versions: ToolVersions): string {
  return sha256(
    JSON.stringify({
      schema: keySchema,
      path: unit.path,
      files: [...unit.files].map(([path, text]) => [path, sha256(text)]),
      flags: unit.flags,
      nvcc: versions.nvcc,
      host: versions.host,
      tvmFfi: unit.external.includes("tvmFfi") ? versions.tvmFfi : "",
      ...(unit.external.includes("tensorRt") ? { tensorRt: versions.tensorRt } : {}),
    }),
  );
}

/** Cache key of the library, shown through this version script, that is linked from the units with these keys. */
export function libraryKey(unitKeys: readonly string[], exportsMap: string, versions: ToolVersions): string {
  return sha256(JSON.stringify({ schema: keySchema, units: [...unitKeys].sort(), linkFlags, exportsMap, versions }));
}
