import { randomBytes } from "node:crypto";
import { constants, type Dirent, type Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import type { FileStat, FileSystem } from "./env.ts";

/** The machine's file system through Node. */
export function createNodeFs(): FileSystem {
  return {
    readText: (path) => fs.readFile(path, "utf8"),
    readBytes: (path) => fs.readFile(path),
    readRange,
    stat,
    realPath: (path) => fs.realpath(path),
    list: async (path) => (await fs.readdir(path)).sort(),
    walk,
    makeDir,
    writeAtomic,
    makeTempDir: (parent, prefix) => fs.mkdtemp(join(parent, prefix)),
    rename: (from, to) => fs.rename(from, to),
    copy: (from, to) => fs.copyFile(from, to, constants.COPYFILE_FICLONE),
    remove: (path) => fs.rm(path, { recursive: true, force: true }),
    touch,
    isWritable: (path) =>
      fs.access(path, constants.W_OK).then(
        () => true,
        () => false,
      ),
    freeSpace: async (path) => {
      const { bavail, bsize } = await fs.statfs(path);
      return bavail * bsize;
    },
  };
}

async function readRange(path: string, offset: number, length: number): Promise<Uint8Array> {
  const file = await fs.open(path, "r");
  try {
    const buffer = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await file.close();
  }
}

async function stat(path: string): Promise<FileStat | undefined> {
  try {
    const found = await fs.lstat(path);
    return { size: found.size, kind: kindOf(found), mtimeMs: found.mtimeMs };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

function kindOf(entry: Stats): FileStat["kind"] {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "directory";
  return entry.isSymbolicLink() ? "symlink" : "other";
}

/** Not Node's recursive mkdir: that never returns where an existing folder answers ENOENT, as /proc does. */
async function makeDir(path: string): Promise<void> {
  if (await isDirectory(path)) return;
  if (dirname(path) !== path) await makeDir(dirname(path));
  try {
    await fs.mkdir(path);
  } catch (error) {
    // Another process may have been first.
    if (!(await isDirectory(path))) throw error;
  }
}

function isDirectory(path: string): Promise<boolean> {
  return fs.stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function walk(path: string): Promise<string[]> {
  const entries: Dirent[] = await fs.readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}

async function writeAtomic(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await fs.open(temporary, "wx", mode);
    try {
      await file.writeFile(data);
      await file.datasync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await fs.utimes(path, now, now);
}
