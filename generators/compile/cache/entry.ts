import { join } from "node:path";
import { z } from "zod";
import type { FileSystem } from "../../io/env.ts";
import { sha256 } from "../digest.ts";

/** What an entry holds: a unit's object, a linked library, an assembled wheel, or installed wheels of a toolchain. */
export const entryKinds = ["objects", "libraries", "wheels", "toolchains"] as const;
export type EntryKind = (typeof entryKinds)[number];

/** Name of the description inside an entry's folder. */
export const entryFile = "entry.json";

const entrySchema = z.strictObject({
  schemaVersion: z.literal(1),
  kind: z.enum(entryKinds),
  key: z.string(),
  /** What the entry is of, for people. */
  label: z.string(),
  files: z.record(z.string(), z.strictObject({ sha256: z.string(), size: z.number() })),
});

export type Entry = z.infer<typeof entrySchema>;

/** Describes all files below `folder`. */
export async function describeEntry(
  fs: FileSystem,
  folder: string,
  identity: Pick<Entry, "kind" | "key" | "label">,
): Promise<Entry> {
  const files: Entry["files"] = {};
  for (const path of await fs.walk(folder)) {
    const bytes = await fs.readBytes(join(folder, path));
    files[path] = { sha256: sha256(bytes), size: bytes.length };
  }
  return { schemaVersion: 1, ...identity, files };
}

/** What an entry's folder turns out to be; `files` are verified contents, in memory. */
export type EntryState =
  | { readonly state: "absent" }
  | { readonly state: "damaged"; readonly reason: string }
  | { readonly state: "intact"; readonly entry: Entry; readonly files: ReadonlyMap<string, Uint8Array> };

/** Reads an entry and compares each file's size and digest with its description. */
export async function inspectEntry(fs: FileSystem, folder: string, kind: EntryKind, key: string): Promise<EntryState> {
  if ((await fs.stat(folder)) === undefined) return { state: "absent" };
  const entry = await readDescription(fs, folder);
  if (entry === undefined) return { state: "damaged", reason: `${entryFile} cannot be read` };
  if (entry.kind !== kind || entry.key !== key) return { state: "damaged", reason: "it describes another entry" };
  const files = new Map<string, Uint8Array>();
  for (const [path, expected] of Object.entries(entry.files)) {
    const bytes = await fs.readBytes(join(folder, path)).catch(() => undefined);
    if (bytes === undefined) return { state: "damaged", reason: `${path} cannot be read` };
    if (bytes.length !== expected.size) {
      return { state: "damaged", reason: `${path} has ${bytes.length} bytes instead of ${expected.size}` };
    }
    if (sha256(bytes) !== expected.sha256) return { state: "damaged", reason: `${path} has been altered` };
    files.set(path, bytes);
  }
  return { state: "intact", entry, files };
}

/** The description alone, undefined when it is absent or not one. */
export async function readDescription(fs: FileSystem, folder: string): Promise<Entry | undefined> {
  try {
    const parsed = entrySchema.safeParse(JSON.parse(await fs.readText(join(folder, entryFile))));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
