/** Version texts that go into cache keys: all that a compiler says of itself. */
export interface ToolVersions {
  readonly nvcc: string;
  readonly host: string;
  readonly tvmFfi: string;
  /** Digest of TensorRT's headers, where a build needs them. */
  readonly tensorRt?: string;
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

/** The headers of some TensorRT, copied into the cache. */
export interface TensorRtHeaders {
  /** Holds `NvInferRuntime.h`. */
  readonly folder: string;
  /** For example `11.4.0`. */
  readonly version: string;
  /** Digest of the headers. */
  readonly sha256: string;
}

/** The compilers of one build. */
export interface Toolchain {
  readonly nvcc: Nvcc;
  readonly host: HostCompiler;
  /** Where the bindings include them. */
  readonly tensorRt?: TensorRtHeaders;
  readonly versions: ToolVersions;
}
