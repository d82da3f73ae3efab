import { join } from "node:path";
import { TurboSparseError } from "../../errors.ts";
import type { Env } from "../../io/env.ts";
import type { CacheStore } from "../cache/store.ts";
import type { CompileProgress } from "../types.ts";
import { installWheels } from "./install.ts";
import { cudaWheels, wheelSetKey } from "./pins.ts";
import { type Probe, probeNvcc, requiredRelease } from "./probe.ts";
import { findProgram } from "./program.ts";
import type { Nvcc } from "./types.ts";

const nvccInSite = "nvidia/cu13/bin/nvcc";

/** nvcc 13.0 of CUDA_HOME, else of PATH, else from NVIDIA's wheels in the cache. */
export async function findNvcc(env: Env, store: CacheStore, progress: CompileProgress): Promise<Nvcc> {
  const configured = await nvccOfCudaHome(env);
  if (configured !== undefined) return required(configured);
  const onPath = await nvccOnPath(env);
  if (onPath?.ok === true) return onPath.value;
  if (onPath?.ok === false) progress.note(`${onPath.reason}: the one from PyPI is used instead.`);
  return installedNvcc(env, store, progress);
}

/** CUDA_HOME is the user's word: what it names is used or refused, never passed over. */
export async function nvccOfCudaHome(env: Env): Promise<Probe<Nvcc> | undefined> {
  const home = env.vars.CUDA_HOME;
  if (!home) return undefined;
  const path = join(home, "bin", "nvcc");
  if ((await findProgram(env, path)) === undefined) {
    return { ok: false, reason: `CUDA_HOME is ${home}, but there is no ${path}` };
  }
  return probeNvcc(env, path, "CUDA_HOME");
}

export async function nvccOnPath(env: Env): Promise<Probe<Nvcc> | undefined> {
  const path = await findProgram(env, "nvcc");
  return path === undefined ? undefined : probeNvcc(env, path, "PATH");
}

/** The nvcc of an earlier installation, undefined when there is none. */
export async function nvccInCache(env: Env, find: CacheStore["find"]): Promise<Probe<Nvcc> | undefined> {
  const folder = await find("toolchains", wheelSetKey(cudaWheels));
  return folder === undefined ? undefined : probeNvcc(env, join(folder, "site", nvccInSite), "cache");
}

async function installedNvcc(env: Env, store: CacheStore, progress: CompileProgress): Promise<Nvcc> {
  const earlier = await nvccInCache(env, store.find);
  if (earlier?.ok === true) return earlier.value;
  if (earlier?.ok === false) {
    progress.note(`The nvcc in the cache is damaged (${earlier.reason}): it is installed anew.`);
    await store.evict("toolchains", wheelSetKey(cudaWheels));
  }
  const site = await installWheels(env, store, cudaWheels, progress);
  return required(await probeNvcc(env, join(site, nvccInSite), "cache"));
}

function required(probe: Probe<Nvcc>): Nvcc {
  if (probe.ok) return probe.value;
  throw new TurboSparseError({
    code: "TS4002",
    exit: "environment",
    message: `${probe.reason}.`,
    hint: `Set CUDA_HOME to a CUDA ${requiredRelease} toolkit, or unset it to have nvcc installed from PyPI.`,
  });
}
