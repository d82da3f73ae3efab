import type { ModelSpec } from "./types.ts";

/** What the user decides about a model; everything else comes from its files. */
export type ModelChoices = Partial<
  Pick<ModelSpec, "name" | "activation" | "gateThreshold" | "selection" | "dtype" | "density">
>;

export interface ModelReading {
  readonly spec: ModelSpec;
  /** Where each field that was not chosen came from, for example `config.json#hidden_size`. */
  readonly sources: ReadonlyMap<keyof ModelSpec, string>;
}
