import { dirname } from "node:path";
import { cacheRoot } from "../../compile/cache/location.ts";
import { findEntry } from "../../compile/cache/store.ts";
import { probeHostCompiler } from "../../compile/toolchain/host.ts";
import { nvccInCache, nvccOfCudaHome, nvccOnPath } from "../../compile/toolchain/nvcc.ts";
import type { Probe } from "../../compile/toolchain/probe.ts";
import { findProgram } from "../../compile/toolchain/program.ts";
import type { Nvcc } from "../../compile/toolchain/types.ts";
import type { Env } from "../../io/env.ts";
import { formatBytes } from "../../package/format.ts";
import { readPackageInputs } from "../../package/inputs.ts";
import { nvccChoice } from "./nvcc-choice.ts";
import { tensorRtHeaders } from "./tensorrt-headers.ts";

/** One thing a build depends on, as it is here. A failure is a value: every other finding is still made. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

type Look = (env: Env) => Promise<Omit<Finding, "name">>;

/** Looks at everything at once; reads only and uses no network. */
export async function examine(env: Env): Promise<Finding[]> {
  return Promise.all(
    Object.entries(looks).map(async ([name, look]) => {
      try {
        return { name, ...(await look(env)) };
      } catch (error) {
        return { name, ok: false, detail: (error as Error).message };
      }
    }),
  );
}

const looks: Readonly<Record<string, Look>> = {
  package: async (env) => {
    const { version, sourcesSha256 } = await readPackageInputs(env);
    return { ok: true, detail: `${version}, kernel sources ${sourcesSha256}` };
  },
  platform: async ({ system }) => ({
    ok: system.platform === "linux" && system.machine === "x86_64",
    detail: `${system.platform} ${system.machine}, ${system.cpuCount} processors`,
  }),
  node: async () => ({ ok: true, detail: process.versions.node }),
  python: (env) => firstLine(env, env.vars.TURBOSPARSE_PYTHON || "python3", ["--version"]),
  pip: (env) => firstLine(env, env.vars.TURBOSPARSE_PYTHON || "python3", ["-m", "pip", "--version"]),
  uv: (env) => firstLine(env, "uv", ["--version"]),
  "host compiler": async (env) => {
    const probe = await probeHostCompiler(env);
    return probe.ok
      ? { ok: true, detail: `${probe.value.version}, ${probe.value.path}` }
      : { ok: false, detail: probe.reason };
  },
  "nvcc of CUDA_HOME": async (env) => nvccFinding(await nvccOfCudaHome(env), "CUDA_HOME is not set"),
  "nvcc on PATH": async (env) => nvccFinding(await nvccOnPath(env), "there is none"),
  "nvcc in the cache": async (env) => nvccFinding(await probeCache(env), "not installed"),
  "nvcc of a build": async (env) => {
    const [ofHome, onPath, inCache] = await Promise.all([nvccOfCudaHome(env), nvccOnPath(env), probeCache(env)]);
    return nvccChoice({ ofHome, onPath, inCache });
  },
  "headers of TensorRT": tensorRtHeaders,
  gpu: (env) => firstLine(env, "nvidia-smi", ["--query-gpu=name,compute_cap,driver_version", "--format=csv,noheader"]),
  cache: async (env) => {
    const root = cacheRoot(env);
    if ((await env.fs.stat(root)) === undefined) return { ok: true, detail: `${root}, not there yet` };
    const writable = await env.fs.isWritable(root);
    return { ok: writable, detail: `${root}, ${writable ? "writable" : "read-only"}` };
  },
  disk: async (env) => {
    const folder = await existingParent(env, cacheRoot(env));
    return { ok: true, detail: `${formatBytes(await env.fs.freeSpace(folder))} free at ${folder}` };
  },
  memory: async ({ system }) => ({ ok: true, detail: `${formatBytes(await system.availableMemory())} available` }),
};

function probeCache(env: Env): Promise<Probe<Nvcc> | undefined> {
  const root = cacheRoot(env);
  return nvccInCache(env, (kind, key) => findEntry(env.fs, root, kind, key));
}

function nvccFinding(probe: Probe<Nvcc> | undefined, absent: string): Omit<Finding, "name"> {
  if (probe === undefined) return { ok: false, detail: absent };
  return probe.ok
    ? { ok: true, detail: `${probe.value.version}, ${probe.value.path}` }
    : { ok: false, detail: probe.reason };
}

async function firstLine(env: Env, name: string, args: readonly string[]): Promise<Omit<Finding, "name">> {
  const path = await findProgram(env, name);
  if (path === undefined) return { ok: false, detail: `${name} was not found` };
  const result = await env.run(path, args, { timeoutMs: 10_000 });
  const lines = `${result.stdout}\n${result.stderr}`.split("\n").filter((line) => line.trim() !== "");
  if (result.exitCode === 0) return { ok: true, detail: lines.join("; ") };
  const how = result.spawnError ?? (result.timedOut ? "no answer within 10 s" : `exit code ${result.exitCode}`);
  return { ok: false, detail: `${path} failed (${how})${lines[0] === undefined ? "" : `: ${lines[0]}`}` };
}

async function existingParent(env: Env, folder: string): Promise<string> {
  let found = folder;
  while ((await env.fs.stat(found)) === undefined && found !== dirname(found)) found = dirname(found);
  return found;
}
