import type { ResolvedConfig } from "../config/types.ts";
import type { ModelSpec } from "../model/types.ts";
import { unplannable } from "./errors.ts";
import { maxTokens } from "./tokens.ts";
import { rankUnit } from "./workload.ts";

/** Routing weights of so many experts fit into the shared memory that every kernel sets aside. */
const maxExperts = 64;
/** Elements of the 16-byte vectors that every kernel moves. */
const vectorElements = 8;

function checkModel(model: ModelSpec): void {
  if (model.hidden % vectorElements !== 0) {
    throw unplannable(
      "TS3001",
      `Model ${model.name} has hidden size ${model.hidden}, which is not a multiple of ${vectorElements}.`,
      "The kernels move 16-byte vectors of a row; such a model cannot be served.",
    );
  }
  if (model.experts > maxExperts) {
    throw unplannable(
      "TS3002",
      `Model ${model.name} has ${model.experts} experts; the kernels hold the routing weights of at most ${maxExperts}.`,
      "Spread the experts over GPUs and build for the experts of one.",
    );
  }
  const layer = model.predictorRanks.findIndex((rank) => rank % rankUnit !== 0);
  if (layer >= 0) {
    throw unplannable(
      "TS3003",
      `Model ${model.name} has predictor rank ${model.predictorRanks[layer]} in layer ${layer}, which is not a multiple of ${rankUnit}.`,
      `Pad the rows of fc1 and the columns of fc2 with zeros up to a multiple of ${rankUnit}; that changes no logit.`,
    );
  }
  if (model.selection === "predictor" && model.predictorRanks.length === 0) {
    throw unplannable(
      "TS3003",
      `Model ${model.name} selects by predictor and has no predictor ranks.`,
      "Give the rank of every layer, or set selection to gate-first.",
    );
  }
}

/** Refuses what no kernel can serve, before anything is enumerated. */
export function checkPlannable(config: ResolvedConfig): void {
  const { min, max } = config.tokens;
  if (!(min >= 1 && min <= max && max <= maxTokens)) {
    throw unplannable(
      "TS3000",
      `The token range ${min} to ${max} does not lie within 1 to ${maxTokens}.`,
      "Set tokens.min and tokens.max; larger calls take the dense path and need no kernels.",
    );
  }
  for (const model of config.models) {
    checkModel(model);
    const uneven = config.tensorParallel.find((size) => model.intermediate % size !== 0);
    if (uneven !== undefined) {
      throw unplannable(
        "TS3004",
        `Tensor-parallel size ${uneven} does not divide the ${model.intermediate} neurons of ${model.name}.`,
        "Leave that size out of tensorParallel, or build the models separately.",
      );
    }
  }
}
