import { basename } from "node:path";
import type { Env, RunResult } from "../../io/env.ts";
import type { HostCompiler, Nvcc } from "./types.ts";

/** The release of CUDA whose nvcc the kernels are compiled with. */
export const requiredRelease = "13.0";

/** What came of asking a program for its version: a value, also when it failed, so that `doctor` can print it. */
export type Probe<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

const probeTimeoutMs = 30_000;

export async function probeNvcc(env: Env, path: string, origin: Nvcc["origin"]): Promise<Probe<Nvcc>> {
  const result = await env.run(path, ["--version"], { timeoutMs: probeTimeoutMs, env: cleanEnvironment });
  if (result.exitCode !== 0) return { ok: false, reason: failureOf(path, result) };
  const version = /\bV(\d+\.\d+\.\d+)\b/.exec(result.stdout)?.[1];
  if (version === undefined) return { ok: false, reason: `${path} --version does not print an nvcc version` };
  if (!version.startsWith(`${requiredRelease}.`)) {
    return { ok: false, reason: `${path} is nvcc ${version}, but the kernels need nvcc ${requiredRelease}` };
  }
  return { ok: true, value: { path, version, versionText: result.stdout.trim(), origin } };
}

export async function probeHost(env: Env, path: string): Promise<Probe<HostCompiler>> {
  const result = await env.run(path, ["--version"], { timeoutMs: probeTimeoutMs, env: cleanEnvironment });
  if (result.exitCode !== 0) return { ok: false, reason: failureOf(path, result) };
  const versionText = result.stdout.trim();
  const number = /\b(\d+\.\d+\.\d+)\b/.exec(versionText)?.[1];
  if (number === undefined) return { ok: false, reason: `${path} --version does not print a version` };
  const name = /clang/i.test(versionText) ? "clang" : "g++";
  return {
    ok: true,
    value: { path, version: `${name} ${number}`, versionText: withoutProgramName(versionText, path) },
  };
}

/** Variables that would change what the compilers do without being part of a cache key. */
export const cleanEnvironment: Readonly<Record<string, string | undefined>> = {
  LC_ALL: "C",
  NVCC_PREPEND_FLAGS: undefined,
  NVCC_APPEND_FLAGS: undefined,
  NVCC_CCBIN: undefined,
  CPATH: undefined,
  C_INCLUDE_PATH: undefined,
  CPLUS_INCLUDE_PATH: undefined,
  GCC_EXEC_PREFIX: undefined,
  COMPILER_PATH: undefined,
  LIBRARY_PATH: undefined,
  LD_RUN_PATH: undefined,
  DEPENDENCIES_OUTPUT: undefined,
  SUNPRO_DEPENDENCIES: undefined,
};

function failureOf(path: string, result: RunResult): string {
  if (result.spawnError !== undefined) return `${path} cannot be run (${result.spawnError})`;
  if (result.timedOut) return `${path} --version did not answer within ${probeTimeoutMs / 1000} s`;
  return `${path} --version failed (${result.signal ?? `exit code ${result.exitCode}`})`;
}

/** g++ prints the name it was called by, which says nothing of its version. */
function withoutProgramName(versionText: string, path: string): string {
  return versionText.startsWith(basename(path)) ? versionText.slice(basename(path).length).trim() : versionText;
}
