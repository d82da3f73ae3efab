import { dirname, join } from "node:path";
import { TurboSparseError } from "../../errors.ts";
import type { FileSystem } from "../../io/env.ts";
import { unwritable } from "../output.ts";
import type { Files } from "../wheel/zip.ts";
import { manifestFile } from "./bundle.ts";

/**
 * Puts a bundle's folder into the output folder unless it is there with the same files; says whether it was. The folder
 * appears whole, and replaces only an earlier bundle.
 */
export async function writeBundle(fs: FileSystem, out: string, name: string, files: Files): Promise<boolean> {
  const path = join(out, name);
  try {
    const there = (await fs.stat(path)) !== undefined;
    if (there && (await holds(fs, path, files))) return true;
    if (there && (await fs.stat(join(path, manifestFile))) === undefined) throw foreign(path);
    await fs.makeDir(out);
    const temporary = await fs.makeTempDir(out, `.${name}-`);
    try {
      const fresh = join(temporary, "new");
      for (const [file, bytes] of files) {
        await fs.makeDir(join(fresh, dirname(file)));
        await fs.writeAtomic(join(fresh, file), bytes);
      }
      if (there) await fs.rename(path, join(temporary, "old"));
      await fs.rename(fresh, path);
    } finally {
      await fs.remove(temporary);
    }
    return false;
  } catch (error) {
    if (error instanceof TurboSparseError) throw error;
    const bytes = [...files.values()].reduce((sum, { length }) => sum + length, 0);
    throw unwritable(path, bytes, error);
  }
}

async function holds(fs: FileSystem, path: string, files: Files): Promise<boolean> {
  const there = await fs.walk(path).catch((): string[] => []);
  if (there.length !== files.size) return false;
  for (const file of there) {
    const wanted = files.get(file);
    if (wanted === undefined || Buffer.compare(await fs.readBytes(join(path, file)), wanted) !== 0) return false;
  }
  return true;
}

function foreign(path: string): TurboSparseError {
  return new TurboSparseError({
    code: "TS5004",
    exit: "environment",
    message: `${path} is there and is no bundle of an earlier build: it has no ${manifestFile}.`,
    hint: "Move it away, or name another folder with --out.",
  });
}
