import { join } from "node:path";
import { createBusyClock } from "../compile/busy-clock.ts";
import type { CacheStore } from "../compile/cache/store.ts";
import { compile, keyUnits } from "../compile/compile.ts";
import { libraries } from "../compile/libraries.ts";
import { serializedReport } from "../compile/serialized.ts";
import { spillFailure, spillReport } from "../compile/spills.ts";
import { findTensorRtHeaders } from "../compile/toolchain/tensorrt.ts";
import { prepareToolchain, readyToCompile, withTensorRt } from "../compile/toolchain/toolchain.ts";
import type { CompiledLibrary, CompileProgress, Unit } from "../compile/types.ts";
import { listUnits } from "../compile/units.ts";
import type { ResolvedConfig } from "../config/types.ts";
import type { Env } from "../io/env.ts";
import { plan } from "../plan/plan.ts";
import type { BuildPlan } from "../plan/types.ts";
import { render } from "../render/render.ts";
import type { PackageInputs } from "./inputs.ts";
import type { BuildOutcome } from "./outcome.ts";
import { type Packaged, packageProduct } from "./package-product.ts";
import { type Product, productsOf } from "./products.ts";

export interface BuildOptions {
  /** Absolute folder for the wheel and the bundles. */
  readonly out: string;
  readonly maxJobs: number;
  /** For one translation unit. */
  readonly timeoutMs: number;
  /** Whether kernels that keep registers in memory are a note instead of an error. */
  readonly allowSpills: boolean;
}

/** A package to build and the translation units of its library. */
export interface PlannedProduct extends Product {
  readonly units: readonly Unit[];
}

/** The plan of a configuration and the packages that it comes to. */
export function planProducts(
  config: ResolvedConfig,
  inputs: PackageInputs,
): { plan: BuildPlan; products: PlannedProduct[] } {
  const built = plan(config);
  const generated = render(built, inputs.templates);
  const products = productsOf(built.engines).map((product) => ({
    ...product,
    units: listUnits(built, generated, inputs.kernels, libraries[product.library]),
  }));
  return { plan: built, products };
}

/** From a resolved configuration to a wheel and bundles in the output folder. */
export async function buildProducts(
  env: Env,
  store: CacheStore,
  config: ResolvedConfig,
  inputs: PackageInputs,
  options: BuildOptions,
  progress: CompileProgress,
): Promise<BuildOutcome> {
  const { plan: planned, products } = planProducts(config, inputs);
  const clock = createBusyClock();
  // First what is quick to miss: nothing is compiled for a build that cannot go on.
  const compilers = await clock.run(() => prepareToolchain(env, store, progress));
  const tensorRt = products.some(({ library }) => library === "tensorrt")
    ? await clock.run(() => findTensorRtHeaders(env, store, progress))
    : undefined;
  const built: CompiledLibrary[] = [];
  const packaged: Packaged[] = [];
  for (const product of products) {
    const toolchain =
      product.library === "tensorrt" && tensorRt !== undefined ? withTensorRt(compilers, tensorRt) : compilers;
    const library = await compile(libraries[product.library], keyUnits(product.units, toolchain), {
      env,
      store,
      toolchain,
      external: (names) => clock.run(() => readyToCompile(env, store, toolchain, progress, names)),
      progress,
      logFolder: join(options.out, "logs"),
      maxJobs: options.maxJobs,
      timeoutMs: options.timeoutMs,
    });
    if (built.length === 0) checkKernels(planned, library, options, progress);
    built.push(library);
    const complete = { ...product, plan: planned, built: library, toolchain };
    packaged.push(await packageProduct(env, store, complete, inputs, options.out));
  }
  const sum = (value: (library: CompiledLibrary) => number): number =>
    built.reduce((total, library) => total + value(library), 0);
  const bundles = packaged.flatMap((one) => one.bundles ?? []);
  return {
    ...packaged.find(({ wheel }) => wheel !== undefined),
    ...(bundles.length === 0 ? {} : { bundles }),
    upToDate: packaged.every(({ upToDate }) => upToDate),
    kernels: planned.instances.length,
    units: { compiled: sum(({ compiledUnits }) => compiledUnits), reused: sum(({ reusedUnits }) => reusedUnits) },
    toolchainMs: clock.total(),
    compilerMs: sum(({ toolMs }) => toolMs),
  };
}

/** What is slow in the kernels, of which all libraries hold the same. */
function checkKernels(
  { instances }: BuildPlan,
  { resources }: CompiledLibrary,
  { allowSpills }: BuildOptions,
  { note }: CompileProgress,
): void {
  const spills = spillReport(instances, resources);
  if (spills !== undefined && !allowSpills) throw spillFailure(spills);
  if (spills !== undefined) note(`${spills}.`);
  const serialized = serializedReport(instances, resources);
  if (serialized !== undefined) note(`${serialized}.`);
}
