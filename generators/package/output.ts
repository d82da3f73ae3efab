import { join } from "node:path";
import { isDiskFull, TurboSparseError } from "../errors.ts";
import type { FileSystem } from "../io/env.ts";

/** Puts the wheel into the output folder unless the same bytes are there; says whether they were. */
export async function writeWheel(fs: FileSystem, folder: string, name: string, bytes: Uint8Array): Promise<boolean> {
  const path = join(folder, name);
  try {
    const there = await fs.stat(path);
    if (there?.size === bytes.length && Buffer.compare(await fs.readBytes(path), bytes) === 0) return true;
    await fs.makeDir(folder);
    await fs.writeAtomic(path, bytes);
    return false;
  } catch (error) {
    throw unwritable(path, bytes.length, error);
  }
}

/** What to say when the output folder does not take something of this size. */
export function unwritable(path: string, bytes: number, cause: unknown): TurboSparseError {
  const full = isDiskFull(cause);
  return new TurboSparseError({
    code: full ? "TS5003" : "TS5002",
    exit: "environment",
    message: full
      ? `No space is left for ${path}, which needs ${bytes} bytes.`
      : `${path} cannot be written: ${(cause as Error).message}.`,
    hint: "Name another folder with --out; the compiled kernels are kept in the cache.",
    cause,
  });
}
