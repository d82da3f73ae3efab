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

/** What an entry's folder turns out to be; `files` are verified contents, in memory where they were asked for. */
export type EntryState =
  | { readonly state: "absent" }
  | { readonly state: "damaged"; readonly reason: string }
  | { readonly state: "intact"; readonly entry: Entry; readonly files: ReadonlyMap<string, Uint8Array> };

/** Reads an entry and compares each file's size and digest with its description. */
export async function inspectEntry(
  fs: FileSystem,
  folder: string,
  kind: EntryKind,
  key: string,
  keep: "contents" | "verdict",
): Promise<EntryState> {
  if ((await fs.stat(folder)) === undefined) return { state: "absent" };
  const entry = await readDescription(fs, folder);
  if (entry === undefined) return { state: "damaged", reason: `${entryFile} cannot be read` };
  if (entry.kind !== kind || entry.key !== key) return { state: "damaged", reason: "it describes another entry" };
  const files = new Map<string, Uint8Array>();
  const problems: string[] = [];
  await inParallel(Object.entries(entry.files), async ([path, expected]) => {
    const bytes = await fs.readBytes(join(folder, path)).catch(() => undefined);
    const problem = fileProblem(path, expected, bytes);
    if (problem !== undefined) problems.push(problem);
    else if (keep === "contents" && bytes !== undefined) files.set(path, bytes);
  });
  const [reason] = problems.sort();
  return reason === undefined ? { state: "intact", entry, files } : { state: "damaged", reason };
}

function fileProblem(
  path: string,
  expected: Entry["files"][string],
  bytes: Uint8Array | undefined,
): string | undefined {
  if (bytes === undefined) return `${path} cannot be read`;
  if (bytes.length !== expected.size) return `${path} has ${bytes.length} bytes instead of ${expected.size}`;
  return sha256(bytes) === expected.sha256 ? undefined : `${path} has been altered`;
}

/** Toolchains have thousands of small files, whose reading is mostly waiting. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (const item of queue) await work(item);
    }),
  );
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
