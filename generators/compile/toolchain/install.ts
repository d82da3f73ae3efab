import { join } from "node:path";
import { TurboSparseError } from "../../errors.ts";
import type { Env } from "../../io/env.ts";
import { diskFull } from "../cache/failure.ts";
import type { CacheStore } from "../cache/store.ts";
import { isDiskFull } from "../nvcc-error.ts";
import type { CompileProgress } from "../types.ts";
import { findInstaller } from "./installer.ts";
import { requirements, type WheelSet, wheelSetKey } from "./pins.ts";

/** Generous for 100 MB on a slow line; a stalled one still ends. */
const installTimeoutMs = 20 * 60_000;

/** Folder with the wheels' content, installed into the cache when it is not there yet. */
export async function installWheels(
  env: Env,
  store: CacheStore,
  set: WheelSet,
  progress: CompileProgress,
): Promise<string> {
  const key = wheelSetKey(set);
  const found = await store.find("toolchains", key);
  if (found !== undefined) return join(found, "site");
  const folder = await progress.task(`Install ${set.name} ${set.version} from PyPI`, () =>
    store.publish("toolchains", key, `${set.name} ${set.version}`, (staged) => runInstaller(env, set, staged)),
  );
  return join(folder, "site");
}

async function runInstaller(env: Env, set: WheelSet, folder: string): Promise<void> {
  const { file, args, platform } = await findInstaller(env);
  const list = join(folder, "requirements.txt");
  await env.fs.writeAtomic(list, requirements(set));
  const result = await env.run(
    file,
    [
      ...args,
      ...["--no-deps", "--only-binary", ":all:", "--require-hashes", ...platform],
      ...["--target", join(folder, "site"), "--requirement", list],
    ],
    { timeoutMs: installTimeoutMs, env: { PIP_USER: "0", TMPDIR: await makeTemp(env, folder) } },
  );
  await env.fs.remove(tempIn(folder));
  if (result.exitCode === 0) return;
  if (isDiskFull(result.stderr)) throw diskFull(folder);
  throw new TurboSparseError({
    code: "TS4007",
    exit: "environment",
    message: `${set.name} ${set.version} could not be installed from PyPI: ${reasonOf(result)}.`,
    hint:
      set.name === "nvcc"
        ? "Connect to a package index (PIP_INDEX_URL names a mirror), or set CUDA_HOME to an installed CUDA 13.0."
        : "Connect to a package index (PIP_INDEX_URL names a mirror) for this one build: the cache keeps what it installs.",
  });
}

/** Beside the wheels rather than in /tmp, which may be small. */
const tempIn = (folder: string): string => join(folder, "tmp");

async function makeTemp(env: Env, folder: string): Promise<string> {
  await env.fs.makeDir(tempIn(folder));
  return tempIn(folder);
}

function reasonOf(result: { timedOut: boolean; stderr: string }): string {
  if (result.timedOut) return `it took longer than ${installTimeoutMs / 60_000} minutes`;
  const lines = result.stderr.split("\n").filter((line) => line.trim() !== "");
  const line = lines.find((candidate) => /^\s*(?:ERROR|error):/.test(candidate)) ?? lines.at(-1);
  return line?.replace(/^\s*(?:ERROR|error):\s*/, "").replace(/\.$/, "") ?? "the installer failed without a message";
}
