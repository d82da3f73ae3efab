import type { ModelSpec } from "../model/types.ts";
import type { Arch } from "../plan/types.ts";

/** Where a resolved value came from, for `config print --origin`. */
export interface Origin {
  readonly source: "default" | "file" | "model" | "preset" | "flag" | "machine";
  /** For example `turbosparse.yaml:7:5`, `--arch` or `config.json#hidden_size`. */
  readonly detail: string;
}

/** What to build, with nothing left to guess. */
export interface ResolvedConfig {
  readonly schemaVersion: 1;
  readonly models: readonly ModelSpec[];
  readonly archs: readonly Arch[];
  readonly engines: readonly string[];
  /** Tensor-parallel sizes to build shards for; always contains at least one. */
  readonly tensorParallel: readonly number[];
  /** Tokens of one call that the sparse kernels must serve, within 1…64. */
  readonly tokens: { readonly min: number; readonly max: number };
  /** Origins by path of the value, for example `models[0].density`. */
  readonly origins: ReadonlyMap<string, Origin>;
}

/** The input options shared by every command that needs a configuration. */
export interface ConfigOptions {
  readonly config?: string;
  readonly model?: readonly string[];
  readonly preset?: readonly string[];
  readonly arch?: readonly string[];
  readonly engine?: readonly string[];
}
