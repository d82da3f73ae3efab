import { counted } from "../counted.ts";
import type { Env } from "../io/env.ts";
import { archive } from "./archive.ts";
import { createBusyClock } from "./busy-clock.ts";
import { entryVanished } from "./cache/failure.ts";
import type { CacheStore, StoredEntry } from "./cache/store.ts";
import { killedTwice } from "./compile-failure.ts";
import { compileUnit, resourcesFile, type UnitCompiler } from "./compile-unit.ts";
import type { ExternalName } from "./external.ts";
import { libraryKey, unitKey } from "./keys.ts";
import type { LibraryDefinition } from "./libraries.ts";
import { link } from "./link.ts";
import { KilledError, schedule } from "./schedule.ts";
import type { Toolchain } from "./toolchain/types.ts";
import type { CompiledLibrary, CompileProgress, KernelResources, Unit } from "./types.ts";

/** What other projects bring: the folders of their headers, and that of apache-tvm-ffi's library. */
export interface ExternalFolders {
  readonly headers: Readonly<Partial<Record<ExternalName, string>>>;
  readonly tvmFfiLibraries: string | undefined;
}

export interface CompileOptions {
  readonly env: Env;
  readonly store: CacheStore;
  readonly toolchain: Toolchain;
  /** Gives what these projects bring; asked only when something must be compiled or linked. */
  readonly external: (names: ReadonlySet<ExternalName>) => Promise<ExternalFolders>;
  readonly progress: CompileProgress;
  readonly logFolder: string;
  /** Most compilers at once; free memory may allow fewer. */
  readonly maxJobs: number;
  /** For one unit. */
  readonly timeoutMs: number;
}

/** A unit with the key of its object. */
export interface KeyedUnit {
  readonly unit: Unit;
  readonly key: string;
}

export function keyUnits(units: readonly Unit[], toolchain: Toolchain): KeyedUnit[] {
  return units.map((unit) => ({ unit, key: unitKey(unit, toolchain.versions) }));
}

/** The library linked from the units: from the cache as a whole, else with only the missing objects compiled. */
export async function compile(
  library: LibraryDefinition,
  units: readonly KeyedUnit[],
  options: CompileOptions,
): Promise<CompiledLibrary> {
  const { store, toolchain } = options;
  const unitKeys = units.map(({ key }) => key);
  const key = libraryKey(unitKeys, library.exports, toolchain.versions);
  const cached = await store.read("libraries", key);
  if (cached !== undefined) {
    await store.touch("libraries", [key]);
    await store.touch("objects", unitKeys);
    return { ...contentOf(library, key, cached), compiledUnits: 0, reusedUnits: units.length, toolMs: 0 };
  }
  return build(library, units, key, options);
}

async function build(
  library: LibraryDefinition,
  units: readonly KeyedUnit[],
  key: string,
  options: CompileOptions,
): Promise<CompiledLibrary> {
  const { env, store, progress } = options;
  const { headers, tvmFfiLibraries } = await options.external(new Set(units.flatMap(({ unit }) => unit.external)));
  const clock = createBusyClock();
  const compiler: UnitCompiler = { ...options, headers, busy: clock.run };
  const objects = new Map<string, StoredEntry>();
  const missing: KeyedUnit[] = [];
  for (const keyed of units) {
    const entry = await store.read("objects", keyed.key);
    if (entry === undefined) missing.push(keyed);
    else objects.set(keyed.key, entry);
  }
  if (missing.length > 0) await compileMissing(missing, compiler, options);
  for (const keyed of missing) objects.set(keyed.key, await published(store, keyed));

  const entries = units.map((keyed) => objects.get(keyed.key) as StoredEntry);
  await progress.task("Link", () =>
    store.publish("libraries", key, library.file, async (folder) => {
      const objectFolders = entries.map((entry) => entry.folder);
      await link(compiler, { library, objectFolders, tvmFfiLibraries, folder });
      if (library.archive !== undefined) {
        const objects = units.map(({ unit }, index) => ({ path: unit.path, folder: objectFolders[index] ?? "" }));
        await archive(compiler, { name: library.archive, objects, folder });
      }
      await env.fs.writeAtomic(
        `${folder}/${resourcesFile}`,
        JSON.stringify(entries.flatMap(resourcesOf).sort(bySymbol)),
      );
    }),
  );
  const linked = await store.read("libraries", key);
  if (linked === undefined) throw entryVanished(library.file, store.root);
  return {
    ...contentOf(library, key, linked),
    compiledUnits: missing.length,
    reusedUnits: units.length - missing.length,
    toolMs: clock.total(),
  };
}

async function compileMissing(missing: KeyedUnit[], compiler: UnitCompiler, options: CompileOptions): Promise<void> {
  const { env, progress, maxJobs } = options;
  let done = 0;
  try {
    await progress.task(`Compile ${counted(missing.length, "unit")}`, (update) =>
      schedule(
        missing,
        async ({ unit, key }) => {
          await progress.task(unit.path, () => compileUnit(compiler, unit, key));
          update(`${++done}/${missing.length}`);
        },
        env.system,
        maxJobs,
      ),
    );
  } catch (error) {
    throw error instanceof KilledError ? killedTwice(error) : error;
  }
}

async function published(store: CacheStore, { unit, key }: KeyedUnit): Promise<StoredEntry> {
  const entry = await store.read("objects", key);
  if (entry === undefined) throw entryVanished(`The object of ${unit.path}`, store.root);
  return entry;
}

function contentOf(
  { file, archive }: LibraryDefinition,
  key: string,
  entry: StoredEntry,
): Pick<CompiledLibrary, "key" | "bytes" | "archive" | "resources"> {
  const fileOf = (name: string): Uint8Array => {
    const bytes = entry.files.get(name);
    if (bytes === undefined) throw new Error(`The cache entry ${entry.folder} holds no ${name}.`);
    return bytes;
  };
  return {
    key,
    bytes: fileOf(file),
    archive: archive === undefined ? undefined : fileOf(archive),
    resources: resourcesOf(entry),
  };
}

function resourcesOf(entry: StoredEntry): KernelResources[] {
  return JSON.parse(Buffer.from(entry.files.get(resourcesFile) ?? []).toString("utf8"));
}

function bySymbol(a: KernelResources, b: KernelResources): number {
  const [left, right] = [`${a.symbol} ${a.arch}`, `${b.symbol} ${b.arch}`];
  return left < right ? -1 : left > right ? 1 : 0;
}
