import { chmod, copyFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { execa } from "execa";
import { onTestFinished } from "vitest";
import { openStore } from "../../generators/compile/cache/store.ts";
import { installWheels } from "../../generators/compile/toolchain/install.ts";
import { cudaWheels, tvmFfiWheels, type WheelSet } from "../../generators/compile/toolchain/pins.ts";
import type { Env } from "../../generators/io/env.ts";
import { createNodeFs } from "../../generators/io/node-fs.ts";
import { createRunProcess } from "../../generators/io/process.ts";
import { createSystemProbe } from "../../generators/io/system.ts";
import { recorder, repositoryRoot } from "./env.ts";

/** The bundled command line. */
export const main = join(repositoryRoot, "lib/main.mjs");

/** Kept between runs, because what the package index gives does not change: the compilers and a small real build. */
export const sharedCache = join(repositoryRoot, "node_modules/.cache/turbosparse-plugin");

/** One token only, so that a build has few units. */
export const smallConfig = `schemaVersion: 1
models:
  - preset: turbosparse-mistral-7b
archs: [sm_90a]
tokens: { min: 1, max: 1 }
`;

/** Folder of wheels of the toolchain, installed into the shared cache when they are not there. */
async function installed(set: WheelSet): Promise<string> {
  const vars = { ...process.env, TURBOSPARSE_CACHE: sharedCache };
  const { signal } = new AbortController();
  const env: Env = {
    cwd: repositoryRoot,
    vars,
    packageRoot: repositoryRoot,
    fs: createNodeFs(),
    run: createRunProcess(vars, signal),
    system: createSystemProbe(),
    stdout: recorder(),
    stderr: recorder(),
    signal,
  };
  const progress = { task: <T>(_: string, work: (update: () => void) => Promise<T>) => work(() => {}), note: () => {} };
  return installWheels(env, await openStore(env, progress.note), set, progress);
}

/** CUDA_HOME of the real compiler. */
export const realCudaHome = async (): Promise<string> => join(await installed(cudaWheels), "nvidia/cu13");

export type Variables = Readonly<Record<string, string>>;

/** Starts the command line with these variables and no others; it does not reject for a failure. */
export function start(folder: string, vars: Variables, argv: readonly string[]) {
  return execa(process.execPath, [main, ...argv], { cwd: folder, env: vars, extendEnv: false, reject: false });
}

/** A fresh folder with a configuration, a cache that holds tvm-ffi only, and a compiler that does as it is told. */
export interface BuildWorld {
  readonly folder: string;
  readonly cache: string;
  /** Variables of every command; more may be added for one. */
  readonly vars: Variables;
  run(argv: readonly string[], vars?: Variables): ReturnType<typeof start>;
  /** Runs `build`, which must succeed, and returns what it wrote to stderr. */
  build(...argv: readonly string[]): Promise<string>;
  /** Sources compiled since the last time this was asked, sorted. */
  compiled(): Promise<string[]>;
}

export async function buildWorld(): Promise<BuildWorld> {
  const folder = await mkdtemp(join(tmpdir(), "turbosparse-build-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const cache = join(folder, "cache");
  const entry = dirname(await installed(tvmFfiWheels));
  await cp(entry, join(cache, "v1/toolchains", basename(dirname(entry)), basename(entry)), { recursive: true });
  await writeFile(join(folder, "turbosparse.yaml"), smallConfig);
  const log = join(folder, "nvcc.log");
  const vars = {
    PATH: process.env.PATH ?? "",
    HOME: folder,
    TURBOSPARSE_CACHE: cache,
    CUDA_HOME: await fakeCudaHome(folder),
    FAKE_NVCC_LOG: log,
  };
  return {
    folder,
    cache,
    vars,
    run: (argv, more = {}) => start(folder, { ...vars, ...more }, argv),
    build: async (...argv) => {
      const { exitCode, stderr } = await start(folder, vars, ["build", ...argv]);
      if (exitCode !== 0) throw new Error(`The build ended with ${exitCode}:\n${stderr}`);
      return stderr;
    },
    compiled: async () => {
      const text = await readFile(log, "utf8").catch(() => "");
      await rm(log, { force: true });
      return text
        .split("\n")
        .filter((line) => line !== "")
        .sort();
    },
  };
}

/** A toolkit as far as the generator looks: nvcc, and a runtime to link, here an empty archive. */
async function fakeCudaHome(folder: string): Promise<string> {
  const home = join(folder, "cuda");
  await mkdir(join(home, "bin"), { recursive: true });
  await mkdir(join(home, "lib"));
  await copyFile(join(repositoryRoot, "test/support/fake-nvcc.sh"), join(home, "bin/nvcc"));
  await chmod(join(home, "bin/nvcc"), 0o755);
  await writeFile(join(home, "lib/libcudart_static.a"), "!<arch>\n");
  return home;
}
