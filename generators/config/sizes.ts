import { TurboSparseError } from "../errors.ts";
import type { ModelSpec } from "../model/types.ts";
import type { LoadedConfig } from "./load.ts";
import type { Origin, ResolvedConfig } from "./types.ts";

/** One bit a token in the kernels' token masks. */
const maxTokens = 64;

export function resolveTokens(
  loaded: LoadedConfig | undefined,
  origins: Map<string, Origin>,
): ResolvedConfig["tokens"] {
  const given = loaded?.file.tokens;
  const tokens = { min: given?.min ?? 1, max: given?.max ?? maxTokens };
  for (const end of ["min", "max"] as const) {
    const origin: Origin =
      loaded !== undefined && given?.[end] !== undefined
        ? { source: "file", detail: loaded.document.locate(["tokens", end]) }
        : { source: "default", detail: "every size the sparse kernels serve" };
    origins.set(`tokens.${end}`, origin);
  }
  if (loaded !== undefined && tokens.min > tokens.max) {
    throw new TurboSparseError({
      code: "TS1106",
      exit: "usage",
      message: `${loaded.document.locate(["tokens"])}: tokens.min ${tokens.min} is greater than tokens.max ${tokens.max}.`,
      hint: `Both lie within 1 and ${maxTokens}.`,
    });
  }
  return tokens;
}

/** Neurons are split evenly over the ranks, so every size must divide every model's intermediate size. */
export function checkTensorParallel(
  models: readonly ModelSpec[],
  sizes: readonly number[],
  loaded: LoadedConfig | undefined,
): void {
  for (const model of models) {
    const odd = sizes.find((size) => model.intermediate % size !== 0);
    if (odd === undefined || loaded === undefined) continue;
    throw new TurboSparseError({
      code: "TS1108",
      exit: "usage",
      message: `${loaded.document.locate(["tensorParallel"])}: ${model.intermediate} neurons of ${model.name} do not split into ${odd} equal shards.`,
      hint: "List only sizes that divide the intermediate size of every model.",
    });
  }
}
