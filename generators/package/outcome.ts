/** A file that a build leaves: the wheel, or a library of a bundle. */
export interface Artifact {
  readonly path: string;
  /** From the output folder. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A folder that a build leaves for an engine that Python does not serve. */
export interface Bundle {
  readonly engine: string;
  readonly path: string;
  readonly libraries: readonly Artifact[];
}

/** What a build made and how long its parts took, in milliseconds. */
export interface BuildOutcome {
  /** Where an engine of Python's is among those built for. */
  readonly wheel?: Artifact;
  /** Where another engine is. */
  readonly bundles?: readonly Bundle[];
  /** All of it was there with the same bytes. */
  readonly upToDate: boolean;
  readonly kernels: number;
  readonly units: { readonly compiled: number; readonly reused: number };
  readonly toolchainMs: number;
  readonly compilerMs: number;
}

/** The wheel and the bundles' folders. */
export function artifactPaths({ wheel, bundles = [] }: Pick<BuildOutcome, "wheel" | "bundles">): string[] {
  return [...(wheel === undefined ? [] : [wheel.path]), ...bundles.map(({ path }) => path)];
}
