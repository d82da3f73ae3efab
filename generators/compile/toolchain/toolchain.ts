import { join } from "node:path";
import { TurboSparseError } from "../../errors.ts";
import type { Env } from "../../io/env.ts";
import type { CacheStore } from "../cache/store.ts";
import type { ExternalFolders } from "../compile.ts";
import type { ExternalName } from "../external.ts";
import type { CompileProgress } from "../types.ts";
import { findHostCompiler, probeHostCompiler } from "./host.ts";
import { installWheels } from "./install.ts";
import { findNvcc, nvccInCache, nvccOfCudaHome, nvccOnPath } from "./nvcc.ts";
import { cudaWheels, tvmFfiWheels, type WheelSet, wheelSetKey } from "./pins.ts";
import type { HostCompiler, Nvcc, TensorRtHeaders, Toolchain } from "./types.ts";

/** Finds or installs the compilers, and says in one sentence what is missing. */
export async function prepareToolchain(env: Env, store: CacheStore, progress: CompileProgress): Promise<Toolchain> {
  if (env.system.platform !== "linux" || env.system.machine !== "x86_64") {
    throw new TurboSparseError({
      code: "TS4001",
      exit: "environment",
      message: `Kernels are compiled on Linux x86_64, but this machine is ${env.system.platform} ${env.system.machine}.`,
      hint: "Build on such a machine or in such a container; no GPU is needed.",
    });
  }
  // First what is quick to miss: nothing is installed for a build that cannot go on.
  const host = await findHostCompiler(env);
  return toolchainOf(await findNvcc(env, store, progress), host);
}

/** The compilers that a build would use if they are here already; installs nothing and writes nothing. */
export async function availableToolchain(env: Env, find: CacheStore["find"]): Promise<Toolchain | undefined> {
  const [host, ofHome, onPath, inCache] = await Promise.all([
    probeHostCompiler(env),
    nvccOfCudaHome(env),
    nvccOnPath(env),
    nvccInCache(env, find),
  ]);
  const nvcc = ofHome ?? (onPath?.ok === true ? onPath : inCache);
  return host.ok && nvcc?.ok === true ? toolchainOf(nvcc.value, host.value) : undefined;
}

function toolchainOf(nvcc: Nvcc, host: HostCompiler): Toolchain {
  return {
    nvcc,
    host,
    versions: { nvcc: nvcc.versionText, host: host.versionText, tvmFfi: tvmFfiWheels.version },
  };
}

/**
 * Called once something must be compiled: installs what only compiling needs, and has the whole toolchain in the cache
 * verified, which a warm build does without.
 */
export async function readyToCompile(
  env: Env,
  store: CacheStore,
  { nvcc, tensorRt }: Toolchain,
  progress: CompileProgress,
  names: ReadonlySet<ExternalName>,
): Promise<ExternalFolders> {
  if (nvcc.origin === "cache") await soundWheels(env, store, cudaWheels, progress);
  const tvmFfi = names.has("tvmFfi")
    ? join(await soundWheels(env, store, tvmFfiWheels, progress), "tvm_ffi")
    : undefined;
  return {
    headers: {
      ...(tvmFfi === undefined ? {} : { tvmFfi: join(tvmFfi, "include") }),
      ...(tensorRt === undefined ? {} : { tensorRt: tensorRt.folder }),
    },
    tvmFfiLibraries: tvmFfi === undefined ? undefined : join(tvmFfi, "lib"),
  };
}

/** The toolchain of a build whose bindings include TensorRT's headers. */
export function withTensorRt(toolchain: Toolchain, tensorRt: TensorRtHeaders): Toolchain {
  return { ...toolchain, tensorRt, versions: { ...toolchain.versions, tensorRt: tensorRt.sha256 } };
}

/** A damaged set of wheels is removed by the verification, and then installed again in the same place. */
async function soundWheels(env: Env, store: CacheStore, set: WheelSet, progress: CompileProgress): Promise<string> {
  await store.verify("toolchains", wheelSetKey(set));
  return installWheels(env, store, set, progress);
}
