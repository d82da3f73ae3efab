import { sha256 } from "../../compile/digest.ts";
import type { Manifest } from "../manifest-schema.ts";
import type { Files } from "../wheel/zip.ts";

/** `manifest.json` of a bundle: as a wheel's, but of one engine and of all libraries in it. */
export interface BundleManifest extends Pick<Manifest, "version" | "archs" | "models" | "kernels" | "sources"> {
  readonly schemaVersion: 1;
  readonly engine: string;
  readonly toolchain: Omit<Manifest["toolchain"], "tvmFfi"> & {
    /** Version of TensorRT whose headers were compiled against. */
    readonly tensorRt?: string;
  };
  /** The oldest glibc that the shared library loads with. */
  readonly glibc: string;
  readonly libraries: readonly Manifest["library"][];
}

/** `described` is the manifest that a wheel with the same kernels would have. */
export function bundleManifest(
  described: Manifest,
  engine: string,
  { glibc, tensorRt, built }: { glibc: string; tensorRt: string | undefined; built: Files },
): BundleManifest {
  const { version, archs, models, kernels, sources, toolchain } = described;
  const { tvmFfi: _tvmFfi, ...compilers } = toolchain;
  return {
    schemaVersion: 1,
    version,
    engine,
    archs,
    models,
    kernels,
    toolchain: { ...compilers, ...(tensorRt === undefined ? {} : { tensorRt }) },
    glibc,
    sources,
    libraries: [...built].map(([path, bytes]) => ({ path, sha256: sha256(bytes), bytes: bytes.length })),
  };
}
