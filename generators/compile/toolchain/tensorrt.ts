import { join } from "node:path";
import { TurboSparseError } from "../../errors.ts";
import type { Env } from "../../io/env.ts";
import type { CacheStore } from "../cache/store.ts";
import { sha256 } from "../digest.ts";
import type { CompileProgress } from "../types.ts";
import { tensorRtCrate } from "./pins.ts";
import type { Probe } from "./probe.ts";
import { findProgram } from "./program.ts";
import type { TensorRtHeaders } from "./types.ts";

/** Major versions of TensorRT whose IPluginV3 the bindings implement. */
const supportedMajors: readonly number[] = [10, 11];

const cargoTimeoutMs = 5 * 60_000;

/** TensorRT's headers of TENSORRT_INCLUDE, else those of a crate of the Rust registry, copied into the cache. */
export async function findTensorRtHeaders(
  env: Env,
  store: CacheStore,
  progress: CompileProgress,
): Promise<TensorRtHeaders> {
  const configured = env.vars.TENSORRT_INCLUDE;
  if (configured) {
    const found = await probeHeaders(env, configured);
    if (!found.ok) throw unusable(`TENSORRT_INCLUDE: ${found.reason}`);
    return keep(env, store, found.value);
  }
  const kept = await availableTensorRtHeaders(env, store.find);
  if (kept !== undefined) return kept;
  const { tensorRtVersion: version, sha256: digest } = tensorRtCrate;
  const folder = await progress.task(
    `Get the headers of TensorRT ${version} from the crate ${tensorRtCrate.name}`,
    () => fetchCrate(env, store),
  );
  const found = await probeHeaders(env, folder);
  if (!found.ok) throw unusable(found.reason);
  if (found.value.sha256 !== digest) {
    throw unusable(`The headers in ${folder} are not those of ${tensorRtCrate.name} ${tensorRtCrate.version}`);
  }
  return keep(env, store, found.value);
}

/** The headers that a build would use if they are here already, which then are not copied. */
export async function availableTensorRtHeaders(
  env: Env,
  find: CacheStore["find"],
): Promise<TensorRtHeaders | undefined> {
  const configured = env.vars.TENSORRT_INCLUDE;
  if (configured) {
    const found = await probeHeaders(env, configured);
    return found.ok ? found.value : undefined;
  }
  const { tensorRtVersion: version, sha256: digest } = tensorRtCrate;
  const kept = await find("toolchains", entryKey({ version, sha256: digest }));
  return kept === undefined ? undefined : { folder: join(kept, "include"), version, sha256: digest };
}

/** What the headers in a folder are; a value, so that `doctor` can print it. */
export async function probeHeaders({ fs }: Pick<Env, "fs">, folder: string): Promise<Probe<TensorRtHeaders>> {
  const names = await headerNames(fs, folder);
  for (const name of ["NvInferRuntime.h", "NvInferVersion.h"]) {
    if (!names.includes(name)) return { ok: false, reason: `${folder} holds no ${name}` };
  }
  const texts = await Promise.all(names.map((name) => fs.readText(join(folder, name))));
  const version = versionOf(texts[names.indexOf("NvInferVersion.h")] ?? "");
  if (version === undefined) return { ok: false, reason: `${folder}/NvInferVersion.h names no version of TensorRT` };
  if (!supportedMajors.includes(Number.parseInt(version, 10))) {
    return { ok: false, reason: `${folder} is of TensorRT ${version}, but the plugin is for 10 and 11` };
  }
  const lines = names.map((name, index) => `${sha256(texts[index] ?? "")}  ${name}\n`);
  return { ok: true, value: { folder, version, sha256: sha256(lines.join("")) } };
}

/** Those of the runtime's interfaces; a system's folder holds many others. */
async function headerNames(fs: Env["fs"], folder: string): Promise<string[]> {
  const names = await fs.list(folder).catch((): string[] => []);
  return names.filter((name) => /^NvInfer\w*\.h$/.test(name));
}

/** Newer headers define the numbers by way of others. */
function versionOf(header: string): string | undefined {
  const define = (name: string): string | undefined => new RegExp(`^#define ${name} (\\w+)`, "m").exec(header)?.[1];
  const numbers = ["MAJOR", "MINOR", "PATCH"].map((part) => {
    const value = define(`NV_TENSORRT_${part}`);
    return value === undefined || /^\d+$/.test(value) ? value : define(value);
  });
  return numbers.every((number) => number !== undefined && /^\d+$/.test(number)) ? numbers.join(".") : undefined;
}

const entryKey = ({ version, sha256: digest }: Pick<TensorRtHeaders, "version" | "sha256">): string =>
  `tensorrt-headers-${version}-${digest.slice(0, 12)}`;

async function keep(env: Env, store: CacheStore, headers: TensorRtHeaders): Promise<TensorRtHeaders> {
  const key = entryKey(headers);
  const entry =
    (await store.find("toolchains", key)) ??
    (await store.publish("toolchains", key, `TensorRT headers ${headers.version}`, async (staged) => {
      const include = join(staged, "include");
      await env.fs.makeDir(include);
      for (const name of await headerNames(env.fs, headers.folder)) {
        await env.fs.copy(join(headers.folder, name), join(include, name));
      }
    }));
  return { ...headers, folder: join(entry, "include") };
}

/** cargo downloads the crate into its own folder, through whatever mirror the user has set up for it. */
async function fetchCrate(env: Env, store: CacheStore): Promise<string> {
  const { name, version, include } = tensorRtCrate;
  const cargo = await findProgram(env, "cargo");
  if (cargo === undefined)
    throw absent("TENSORRT_INCLUDE is not set, and cargo, which gets them otherwise, was not found");
  const result = await store.withTempDir((cwd) =>
    env.run(cargo, ["info", "--quiet", `${name}@${version}`], { cwd, timeoutMs: cargoTimeoutMs }),
  );
  if (result.exitCode !== 0) {
    const reason = result.stderr.split("\n").find((line) => /^error/.test(line));
    throw absent(
      `cargo could not get the crate ${name} ${version}: ${reason?.replace(/^error:\s*/, "") ?? "it gave no reason"}`,
    );
  }
  const sources = join(env.vars.CARGO_HOME || join(env.vars.HOME ?? "", ".cargo"), "registry", "src");
  for (const registry of await env.fs.list(sources).catch((): string[] => [])) {
    const crates = await env.fs.list(join(sources, registry));
    const crate = crates.find((folder) => folder === `${name}-${version}` || folder.startsWith(`${name}-${version}+`));
    if (crate !== undefined) return join(sources, registry, crate, include);
  }
  throw absent(`cargo left no crate ${name} ${version} in ${sources}`);
}

function absent(message: string): TurboSparseError {
  return new TurboSparseError({
    code: "TS4010",
    exit: "environment",
    message: `There are no headers of TensorRT: ${message}.`,
    hint: "Set TENSORRT_INCLUDE to the folder of NvInferRuntime.h, or install cargo 1.82 or newer and connect to its registry once.",
  });
}

function unusable(message: string): TurboSparseError {
  return new TurboSparseError({
    code: "TS4009",
    exit: "environment",
    message: `${message}.`,
    hint: "Set TENSORRT_INCLUDE to the folder of NvInferRuntime.h of TensorRT 10 or 11, or unset it to have the headers got by cargo.",
  });
}
