/** Version texts that go into cache keys: all that a compiler says of itself. */
export interface ToolVersions {
  readonly nvcc: string;
  readonly host: string;
  readonly tvmFfi: string;
}

export interface Nvcc {
  /** Absolute. */
  readonly path: string;
  /** For example `13.0.88`. */
  readonly version: string;
  readonly versionText: string;
  readonly origin: "CUDA_HOME" | "PATH" | "cache";
}

export interface HostCompiler {
  readonly path: string;
  /** For example `g++ 12.2.0`. */
  readonly version: string;
  readonly versionText: string;
}

/** The compilers of one build. */
export interface Toolchain {
  readonly nvcc: Nvcc;
  readonly host: HostCompiler;
  readonly versions: ToolVersions;
}
