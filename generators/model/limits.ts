import { modelError } from "./error.ts";
import type { ModelSpec } from "./types.ts";

/** The kernels give each thread whole 16-byte vectors of a row for every supported block size. */
const hiddenMultiple = 256;
/** The K side of the predictor's matrix products advances in steps of 64. */
export const rankMultiple = 64;
const maxRank = 8192;
const maxExperts = 64;
const maxSize = 2 ** 17;
const maxLayers = 1024;

/** Refuses shapes that no kernel can serve. `where` is the folder or preset. */
export function checkLimits(spec: ModelSpec, where: string): void {
  within("hidden size", spec.hidden, maxSize, where);
  within("intermediate size", spec.intermediate, maxSize, where);
  within("number of layers", spec.layers, maxLayers, where);
  within("number of experts", spec.experts, maxExperts, where);
  within("number of experts a token is routed to", spec.topK, spec.experts, where);
  if (spec.hidden % hiddenMultiple !== 0) {
    throw modelError(
      "TS2301",
      `${where}: hidden size ${spec.hidden} is not a multiple of ${hiddenMultiple}.`,
      `Today's kernels need hidden sizes that are multiples of ${hiddenMultiple}.`,
    );
  }
  spec.predictorRanks.forEach((rank, layer) => {
    if (rank > 0 && rank <= maxRank && rank % rankMultiple === 0) return;
    throw modelError(
      "TS2302",
      `${where}: layer ${layer} has a predictor of rank ${rank}, expected a multiple of ${rankMultiple} up to ${maxRank}.`,
      "Set `selection: gate-first` to find the active neurons without the predictor.",
    );
  });
}

function within(what: string, value: number, max: number, where: string): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return;
  throw modelError("TS2303", `${where}: the ${what} is ${value}, expected a whole number from 1 to ${max}.`);
}
