import { readFile } from "node:fs/promises";
import { $ } from "zx";

export interface TrackedFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** The text files of the working tree that git tracks or would add, sorted by path; files with a NUL are binary. */
export async function trackedFiles(): Promise<TrackedFile[]> {
  const listed = await $({ quiet: true })`git ls-files -z --cached --others --exclude-standard --deduplicate`;
  const deleted = await $({ quiet: true })`git ls-files -z --deleted`;
  const gone = new Set(deleted.stdout.split("\0"));
  const paths = listed.stdout.split("\0").filter((path) => path !== "" && !gone.has(path));
  const files = await Promise.all(paths.map(async (path) => ({ path, text: await readFile(path, "utf8") })));
  return files.filter(({ text }) => !text.includes("\0")).sort((a, b) => (a.path < b.path ? -1 : 1));
}
