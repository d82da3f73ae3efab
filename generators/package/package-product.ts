import { join } from "node:path";
import type { CacheStore } from "../compile/cache/store.ts";
import { sha256 } from "../compile/digest.ts";
import { libraries } from "../compile/libraries.ts";
import type { Toolchain } from "../compile/toolchain/types.ts";
import type { CompiledLibrary } from "../compile/types.ts";
import { librarySources } from "../compile/units.ts";
import type { Env } from "../io/env.ts";
import type { BuildPlan } from "../plan/types.ts";
import { assembleBundle, type BundleName, bundleFolder, bundleLibraries } from "./bundle/bundle.ts";
import { bundleManifest } from "./bundle/manifest.ts";
import { writeBundle } from "./bundle/write.ts";
import { libraryGlibc } from "./elf/glibc.ts";
import type { PackageInputs } from "./inputs.ts";
import { createManifest } from "./manifest.ts";
import type { BuildOutcome } from "./outcome.ts";
import { writeWheel } from "./output.ts";
import type { Product } from "./products.ts";
import { sourcesDigest } from "./sources-digest.ts";
import { cachedZip } from "./wheel/cached-zip.ts";
import { assembleWheel } from "./wheel/wheel.ts";

/** A product whose library is linked. */
export interface BuiltProduct extends Product {
  readonly plan: BuildPlan;
  readonly built: CompiledLibrary;
  readonly toolchain: Toolchain;
}

export type Packaged = Pick<BuildOutcome, "wheel" | "bundles" | "upToDate">;

/** Writes the wheel or the bundle of a product into the output folder. */
export async function packageProduct(
  env: Env,
  store: CacheStore,
  product: BuiltProduct,
  inputs: PackageInputs,
  out: string,
): Promise<Packaged> {
  return product.library === "python"
    ? packageWheel(env, store, product, inputs, out)
    : packageBundle(env, { ...product, library: product.library }, inputs, out);
}

function manifestOf({ library, plan, engines, built, toolchain }: BuiltProduct, inputs: PackageInputs) {
  const sources = librarySources(libraries[library], inputs.kernels);
  const sourcesSha256 = sourcesDigest(sources, inputs.templates);
  return createManifest({ version: inputs.version, plan, engines, library: built, toolchain, sourcesSha256 });
}

async function packageWheel(
  env: Env,
  store: CacheStore,
  product: BuiltProduct,
  inputs: PackageInputs,
  out: string,
): Promise<Packaged> {
  const { pythonFiles, license } = inputs;
  const manifest = manifestOf(product, inputs);
  const wheel = assembleWheel({ manifest, library: product.built.bytes, pythonFiles, license });
  const bytes = await cachedZip(env, store, wheel);
  const upToDate = await writeWheel(env.fs, out, wheel.name, bytes);
  const artifact = { path: join(out, wheel.name), name: wheel.name, bytes: bytes.length, sha256: sha256(bytes) };
  return { wheel: artifact, upToDate };
}

async function packageBundle(
  env: Env,
  product: BuiltProduct & { readonly library: BundleName },
  inputs: PackageInputs,
  out: string,
): Promise<Packaged> {
  const { library, engines, built, toolchain } = product;
  const [engine = library] = engines;
  const linked = bundleLibraries(library, built);
  const { major, minor } = libraryGlibc(built.bytes);
  const manifest = bundleManifest(manifestOf(product, inputs), engine, {
    glibc: `${major}.${minor}`,
    tensorRt: toolchain.tensorRt?.version,
    built: linked,
  });
  const folder = bundleFolder(library);
  const upToDate = await writeBundle(env.fs, out, folder, assembleBundle(library, linked, manifest, inputs));
  const artifacts = manifest.libraries.map(({ path, bytes, sha256 }) => {
    const name = join(folder, path);
    return { path: join(out, name), name, bytes, sha256 };
  });
  return { bundles: [{ engine, path: join(out, folder), libraries: artifacts }], upToDate };
}
