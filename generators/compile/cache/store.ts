import { join } from "node:path";
import type { Env, FileSystem } from "../../io/env.ts";
import { describeEntry, type EntryKind, entryFile, inspectEntry } from "./entry.ts";
import { cacheFailure } from "./failure.ts";
import { cacheRoot } from "./location.ts";

/** Folder layout version: another layout is another folder, so old and new versions of this program share a cache. */
export const layout = "v1";

/** A verified entry. */
export interface StoredEntry {
  readonly folder: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Content-addressed entries, each a folder that appears by one rename and is verified when it is read. Where the cache
 * cannot be written, new entries go to a temporary overlay that `close` removes.
 */
export interface CacheStore {
  readonly root: string;
  /** Undefined when nothing sound is there; a damaged entry is removed and noted. */
  read(kind: EntryKind, key: string): Promise<StoredEntry | undefined>;
  /** Folder of an entry whose content is not verified here: reading a whole toolchain takes longer than a warm build. */
  find(kind: EntryKind, key: string): Promise<string | undefined>;
  /** `fill` writes the entry's files into a private folder. Whoever comes first wins; the result is the winner's folder. */
  publish(kind: EntryKind, key: string, label: string, fill: (folder: string) => Promise<void>): Promise<string>;
  /** Like `read` for entries too large for memory: whether a sound one is there. */
  verify(kind: EntryKind, key: string): Promise<boolean>;
  /** Removes an entry that turned out to be unusable. */
  evict(kind: EntryKind, key: string): Promise<void>;
  /** Marks entries as used now, which keeps them from being pruned. */
  touch(kind: EntryKind, keys: readonly string[]): Promise<void>;
  /** Runs `work` in a fresh folder on the cache's file system and removes it. */
  withTempDir<T>(work: (folder: string) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Folder of an entry below a cache root; two characters of the digest keep folders small. */
export function entryFolder(root: string, kind: EntryKind, key: string): string {
  return join(root, layout, kind, key.slice(0, 2), key);
}

/** Folder of an entry that is there, verified or not. */
export async function findEntry(
  fs: FileSystem,
  root: string,
  kind: EntryKind,
  key: string,
): Promise<string | undefined> {
  const folder = entryFolder(root, kind, key);
  return (await fs.stat(join(folder, entryFile))) === undefined ? undefined : folder;
}

/** Folder for what is being written. */
export function tempRoot(root: string): string {
  return join(root, layout, "tmp");
}

export async function openStore(env: Env, note: (text: string) => void): Promise<CacheStore> {
  const root = cacheRoot(env);
  const { fs } = env;
  if (await canWrite(fs, root)) return createStore(fs, root, root, note, async () => {});
  const overlay = await fs.makeTempDir(env.vars.TMPDIR || "/tmp", "turbosparse-plugin-");
  note(`The cache ${root} is read-only: what is missing there is built in a temporary folder and not kept.`);
  return createStore(fs, root, overlay, note, () => fs.remove(overlay));
}

async function canWrite(fs: FileSystem, root: string): Promise<boolean> {
  try {
    await fs.makeDir(tempRoot(root));
    return await fs.isWritable(tempRoot(root));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EROFS" || code === "EACCES" || code === "EPERM") return false;
    throw cacheFailure(error, root);
  }
}

function createStore(
  fs: FileSystem,
  root: string,
  writeRoot: string,
  note: (text: string) => void,
  close: () => Promise<void>,
): CacheStore {
  const roots = root === writeRoot ? [root] : [writeRoot, root];

  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw cacheFailure(error, writeRoot);
    }
  };

  const withTempDir = <T>(work: (folder: string) => Promise<T>): Promise<T> =>
    guarded(async () => {
      await fs.makeDir(tempRoot(writeRoot));
      const folder = await fs.makeTempDir(tempRoot(writeRoot), "work-");
      try {
        return await work(folder);
      } finally {
        await fs.remove(folder);
      }
    });

  const evict = async (kind: EntryKind, key: string): Promise<void> => {
    // Renamed first: a folder that is half removed must not be found under its key.
    await withTempDir(async (folder) => {
      await fs.rename(entryFolder(writeRoot, kind, key), join(folder, "evicted")).catch(ignoreAbsent);
    });
  };

  const readAs = async (
    keep: "contents" | "verdict",
    kind: EntryKind,
    key: string,
  ): Promise<StoredEntry | undefined> => {
    for (const candidate of roots) {
      const folder = entryFolder(candidate, kind, key);
      const found = await guarded(() => inspectEntry(fs, folder, kind, key, keep));
      if (found.state === "intact") return { folder, files: found.files };
      if (found.state === "damaged") {
        note(`The cache entry ${folder} is damaged (${found.reason}): it is built anew.`);
        if (candidate === writeRoot) await evict(kind, key);
      }
    }
    return undefined;
  };

  const publish: CacheStore["publish"] = (kind, key, label, fill) =>
    withTempDir(async (temporary) => {
      const staged = join(temporary, "entry");
      await fs.makeDir(staged);
      await fill(staged);
      const description = await describeEntry(fs, staged, { kind, key, label });
      await fs.writeAtomic(join(staged, entryFile), `${JSON.stringify(description, undefined, 2)}\n`);
      const folder = entryFolder(writeRoot, kind, key);
      await fs.makeDir(join(folder, ".."));
      try {
        await fs.rename(staged, folder);
      } catch (error) {
        // Another build was first; its entry has the same key and so the same use.
        const code = (error as NodeJS.ErrnoException).code;
        if (code !== "EEXIST" && code !== "ENOTEMPTY") throw error;
      }
      return folder;
    });

  return {
    root,
    read: (kind, key) => readAs("contents", kind, key),
    verify: async (kind, key) => (await readAs("verdict", kind, key)) !== undefined,
    publish,
    evict,
    withTempDir,
    close,
    find: async (kind, key) => (await findEntry(fs, writeRoot, kind, key)) ?? findEntry(fs, root, kind, key),
    touch: async (kind, keys) => {
      if (root !== writeRoot) return;
      await Promise.all(keys.map((key) => fs.touch(join(entryFolder(root, kind, key), entryFile)).catch(ignoreAbsent)));
    },
  };
}

function ignoreAbsent(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
