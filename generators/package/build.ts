import { join } from "node:path";
import { createBusyClock } from "../compile/busy-clock.ts";
import type { CacheStore } from "../compile/cache/store.ts";
import { compile, keyUnits } from "../compile/compile.ts";
import { sha256 } from "../compile/digest.ts";
import { spillFailure, spillReport } from "../compile/spills.ts";
import { prepareToolchain, readyToCompile } from "../compile/toolchain/toolchain.ts";
import type { CompileProgress, Unit } from "../compile/types.ts";
import { listUnits } from "../compile/units.ts";
import type { ResolvedConfig } from "../config/types.ts";
import type { Env } from "../io/env.ts";
import { plan } from "../plan/plan.ts";
import type { BuildPlan } from "../plan/types.ts";
import { render } from "../render/render.ts";
import type { PackageInputs } from "./inputs.ts";
import { createManifest } from "./manifest.ts";
import { writeWheel } from "./output.ts";
import { cachedZip } from "./wheel/cached-zip.ts";
import { assembleWheel } from "./wheel/wheel.ts";

export interface BuildOptions {
  /** Absolute folder for the wheel. */
  readonly out: string;
  readonly maxJobs: number;
  /** For one translation unit. */
  readonly timeoutMs: number;
  /** Whether kernels that keep registers in memory are a note instead of an error. */
  readonly allowSpills: boolean;
}

/** What a build made and how long its parts took, in milliseconds. */
export interface BuildOutcome {
  readonly wheel: { readonly path: string; readonly name: string; readonly bytes: number; readonly sha256: string };
  /** The wheel was there with the same bytes. */
  readonly upToDate: boolean;
  readonly kernels: number;
  readonly units: { readonly compiled: number; readonly reused: number };
  readonly toolchainMs: number;
  readonly compilerMs: number;
}

/** The plan of a configuration and the translation units that it comes to. */
export function planUnits(config: ResolvedConfig, inputs: PackageInputs): { plan: BuildPlan; units: Unit[] } {
  const built = plan(config);
  return { plan: built, units: listUnits(built, render(built, inputs.templates), inputs.kernels) };
}

/** From a resolved configuration to a wheel in the output folder. */
export async function buildWheel(
  env: Env,
  store: CacheStore,
  config: ResolvedConfig,
  inputs: PackageInputs,
  options: BuildOptions,
  progress: CompileProgress,
): Promise<BuildOutcome> {
  const planned = planUnits(config, inputs);
  const toolchainClock = createBusyClock();
  const toolchain = await toolchainClock.run(() => prepareToolchain(env, store, progress));
  const library = await compile(keyUnits(planned.units, toolchain), {
    env,
    store,
    toolchain,
    tvmFfi: () => toolchainClock.run(() => readyToCompile(env, store, toolchain, progress)),
    progress,
    logFolder: join(options.out, "logs"),
    maxJobs: options.maxJobs,
    timeoutMs: options.timeoutMs,
  });
  const spills = spillReport(planned.plan.instances, library.resources);
  if (spills !== undefined && !options.allowSpills) throw spillFailure(spills);
  if (spills !== undefined) progress.note(`${spills}.`);
  const { version, sourcesSha256, pythonFiles, license } = inputs;
  const manifest = createManifest({ version, plan: planned.plan, library, toolchain, sourcesSha256 });
  const wheel = assembleWheel({ manifest, library: library.bytes, pythonFiles, license });
  const bytes = await cachedZip(env, store, wheel);
  const upToDate = await writeWheel(env.fs, options.out, wheel.name, bytes);
  return {
    wheel: { path: join(options.out, wheel.name), name: wheel.name, bytes: bytes.length, sha256: sha256(bytes) },
    upToDate,
    kernels: manifest.kernels.length,
    units: { compiled: library.compiledUnits, reused: library.reusedUnits },
    toolchainMs: toolchainClock.total(),
    compilerMs: library.toolMs,
  };
}
