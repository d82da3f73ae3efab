import { TurboSparseError } from "../../errors.ts";
import type { Env } from "../../io/env.ts";
import { type Probe, probeHost } from "./probe.ts";
import { findProgram } from "./program.ts";
import type { HostCompiler } from "./types.ts";

/** The host compiler that nvcc drives: CXX, else g++. */
export async function probeHostCompiler(env: Env): Promise<Probe<HostCompiler>> {
  const name = env.vars.CXX || "g++";
  const path = await findProgram(env, name);
  return path === undefined ? { ok: false, reason: `${name} was not found` } : probeHost(env, path);
}

export async function findHostCompiler(env: Env): Promise<HostCompiler> {
  const probe = await probeHostCompiler(env);
  if (probe.ok) return probe.value;
  throw new TurboSparseError({
    code: "TS4004",
    exit: "environment",
    message: `There is no C++ compiler for nvcc to work with: ${probe.reason}.`,
    hint: "Install g++ (Debian and Ubuntu: apt install g++) or name a compiler with CXX.",
  });
}
