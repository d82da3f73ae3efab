import { sha256 } from "../compile/digest.ts";
import type { FileSet } from "../render/types.ts";

/**
 * Digest over what decides what the kernels compute: the SHA-256 of the lines `<sha256 of the file>  <path>`, sorted by
 * path, as `sha256sum` prints them. `kernels`, those that one library is made of, are by path from the package's root,
 * `templates` from their own folder.
 */
export function sourcesDigest(kernels: FileSet, templates: FileSet): string {
  const files = new Map([...kernels, ...[...templates].map(([path, text]) => [`templates/${path}`, text] as const)]);
  const lines = [...files.keys()].sort().map((path) => `${sha256(files.get(path) ?? "")}  ${path}\n`);
  return sha256(lines.join(""));
}
