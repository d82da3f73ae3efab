import { join } from "node:path";
import type { FileSystem } from "../../io/env.ts";
import { type EntryKind, entryFile, entryKinds, inspectEntry, readDescription } from "./entry.ts";
import { cacheFailure } from "./failure.ts";
import { entryFolder, layout, tempRoot } from "./store.ts";

/** One entry of the cache as `cache list` shows it. */
export interface InventoryItem {
  readonly kind: EntryKind;
  readonly key: string;
  /** Undefined when the description cannot be read. */
  readonly label: string | undefined;
  readonly bytes: number;
  readonly lastUsedMs: number;
}

/** All entries, sorted by kind and key. An absent cache is an empty one. */
export async function listEntries(fs: FileSystem, root: string): Promise<InventoryItem[]> {
  const items: InventoryItem[] = [];
  for (const kind of entryKinds) {
    for (const prefix of await listFolder(fs, join(root, layout, kind))) {
      for (const key of await listFolder(fs, join(root, layout, kind, prefix))) {
        items.push(await inventoryItem(fs, root, kind, key));
      }
    }
  }
  return items;
}

async function inventoryItem(fs: FileSystem, root: string, kind: EntryKind, key: string): Promise<InventoryItem> {
  const folder = entryFolder(root, kind, key);
  const description = await readDescription(fs, folder);
  const sizes = Object.values(description?.files ?? {}).map(({ size }) => size);
  const marker = (await fs.stat(join(folder, entryFile))) ?? (await fs.stat(folder));
  return {
    kind,
    key,
    label: description?.label,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    lastUsedMs: marker?.mtimeMs ?? 0,
  };
}

/** Whether an entry is there and sound, without changing anything. */
export async function isIntact(fs: FileSystem, root: string, kind: EntryKind, key: string): Promise<boolean> {
  return (await inspectEntry(fs, entryFolder(root, kind, key), kind, key, "verdict")).state === "intact";
}

/** The damaged entries, each with what is wrong. */
export async function damagedEntries(fs: FileSystem, root: string): Promise<(InventoryItem & { reason: string })[]> {
  const damaged: (InventoryItem & { reason: string })[] = [];
  for (const item of await listEntries(fs, root)) {
    const found = await inspectEntry(fs, entryFolder(root, item.kind, item.key), item.kind, item.key, "verdict");
    if (found.state === "damaged") damaged.push({ ...item, reason: found.reason });
  }
  return damaged;
}

/** Folders of builds that died: nothing was written there for longer than any build's step may take. */
export async function staleTempFolders(fs: FileSystem, root: string, olderThanMs: number): Promise<string[]> {
  const stale: string[] = [];
  for (const name of await listFolder(fs, tempRoot(root))) {
    const folder = join(tempRoot(root), name);
    const found = await fs.stat(folder);
    if (found !== undefined && found.mtimeMs < olderThanMs) stale.push(folder);
  }
  return stale;
}

/** Removes an entry as a whole: renamed first, so that half of it is never found under its key. */
export async function removeEntry(fs: FileSystem, root: string, kind: EntryKind, key: string): Promise<void> {
  try {
    await fs.makeDir(tempRoot(root));
    const bin = await fs.makeTempDir(tempRoot(root), "remove-");
    await fs.rename(entryFolder(root, kind, key), join(bin, "entry"));
    await fs.remove(bin);
  } catch (error) {
    throw cacheFailure(error, root);
  }
}

async function listFolder(fs: FileSystem, folder: string): Promise<string[]> {
  try {
    return await fs.list(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw cacheFailure(error, folder);
  }
}
