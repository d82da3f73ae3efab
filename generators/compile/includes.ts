import { posix } from "node:path";
import { TurboSparseError } from "../errors.ts";
import type { FileSet } from "../render/types.ts";

/** Folder on nvcc's include path, relative to the folder it compiles in. */
export const includeRoot = "kernels/include";

/** A source with all it reaches by `#include`, and the first segments of the includes that lead out of this package. */
export interface Reachable {
  readonly files: FileSet;
  readonly external: ReadonlySet<string>;
}

const directive = /^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)/gm;

/**
 * Follows `#include` textually: conditional ones count too, so the result may hold a header too many, never one too
 * few. A unit compiles in a folder that holds these files only, which turns any gap here into a compile error.
 */
export function reachable(path: string, sources: FileSet): Reachable {
  const files = new Map<string, string>();
  const external = new Set<string>();
  const visit = (file: string, text: string): void => {
    files.set(file, text);
    for (const match of text.matchAll(directive)) {
      const quoted = match[1];
      const name = quoted ?? match[2] ?? "";
      const found = candidates(file, name, quoted !== undefined).find((candidate) => sources.has(candidate));
      if (found === undefined) {
        if (name.startsWith("turbosparse/")) throw missingHeader(file, text, match.index, name);
        external.add(name.split("/", 1)[0] ?? name);
      } else if (!files.has(found)) {
        visit(found, sources.get(found) ?? "");
      }
    }
  };
  visit(path, sources.get(path) ?? "");
  return { files: new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))), external };
}

function candidates(from: string, name: string, quoted: boolean): string[] {
  const onPath = posix.join(includeRoot, name);
  return quoted ? [posix.join(posix.dirname(from), name), onPath] : [onPath];
}

function missingHeader(file: string, text: string, index: number, name: string): TurboSparseError {
  const line = text.slice(0, index).split("\n").length;
  return new TurboSparseError({
    code: "TS4101",
    exit: "failed",
    message: `${file}:${line} includes "${name}", which is not in ${includeRoot}.`,
    hint: "Reinstall turbosparse-plugin if its kernels/ folder is incomplete, or correct the include.",
  });
}
