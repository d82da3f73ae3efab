import { basename, dirname, join } from "node:path";
import type { Env, RunResult } from "../io/env.ts";
import type { CacheStore } from "./cache/store.ts";
import { noObject, unitFailure } from "./compile-failure.ts";
import { isRelocatableObject } from "./elf/object.ts";
import { type ExternalName, externals } from "./external.ts";
import { parsePtxasLog } from "./ptxas.ts";
import { cleanEnvironment } from "./toolchain/probe.ts";
import type { Toolchain } from "./toolchain/types.ts";
import type { Unit } from "./types.ts";

/** Names inside an entry of kind `objects`. */
export const objectFile = "unit.o";
export const resourcesFile = "resources.json";

export interface UnitCompiler {
  readonly env: Env;
  readonly store: CacheStore;
  readonly toolchain: Toolchain;
  /** Folders of the headers of other projects that units include. */
  readonly headers: Readonly<Partial<Record<ExternalName, string>>>;
  readonly timeoutMs: number;
  /** Gets the whole output of a compiler that failed. */
  readonly logFolder: string;
  /** Runs a compiler, and knows that one is running. */
  readonly busy: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Compiles one unit in a private folder that holds only what its key covers, and publishes the object under `key`. */
export async function compileUnit(compiler: UnitCompiler, unit: Unit, key: string): Promise<void> {
  const { env, store } = compiler;
  await store.withTempDir(async (folder) => {
    await writeSources(compiler, unit, folder);
    const result = await runNvcc(compiler, unit, folder);
    const log = join(compiler.logFolder, `${basename(unit.path)}.log`);
    if (result.exitCode !== 0) {
      await env.fs.makeDir(compiler.logFolder);
      await env.fs.writeAtomic(log, `${result.command}\n${result.stdout}${result.stderr}`);
      throw unitFailure(unit, result, { log, folder, timeoutMs: compiler.timeoutMs });
    }
    const object = join(folder, objectFile);
    const bytes = await env.fs.readBytes(object).catch(() => new Uint8Array());
    if (!isRelocatableObject(bytes)) throw noObject(unit, compiler.toolchain.nvcc.path);
    await store.publish("objects", key, unit.path, async (staged) => {
      await env.fs.rename(object, join(staged, objectFile));
      await env.fs.writeAtomic(join(staged, resourcesFile), JSON.stringify(parsePtxasLog(result.stderr)));
    });
  });
}

async function writeSources(compiler: UnitCompiler, unit: Unit, folder: string): Promise<void> {
  const { fs } = compiler.env;
  await fs.makeDir(join(folder, "tmp"));
  for (const [path, text] of unit.files) {
    await fs.makeDir(join(folder, dirname(path)));
    await fs.writeAtomic(join(folder, path), text);
  }
  for (const { name, folder: include } of externals.filter(({ name }) => unit.external.includes(name))) {
    const headers = compiler.headers[name];
    if (headers === undefined) throw new Error(`${unit.path} includes headers of ${name}, which were not asked for.`);
    for (const path of await fs.walk(headers)) {
      const target = join(folder, include, path);
      await fs.makeDir(dirname(target));
      await fs.copy(join(headers, path), target);
    }
  }
}

function runNvcc(compiler: UnitCompiler, unit: Unit, folder: string): Promise<RunResult> {
  const { env, toolchain, timeoutMs } = compiler;
  const args = [...unit.flags, "-ccbin", toolchain.host.path, "-c", unit.path, "-o", objectFile];
  return compiler.busy(() =>
    env.run(toolchain.nvcc.path, args, {
      cwd: folder,
      timeoutMs,
      env: { ...cleanEnvironment, TMPDIR: join(folder, "tmp") },
    }),
  );
}
