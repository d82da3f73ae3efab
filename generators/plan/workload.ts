import { rankMultiple } from "../model/limits.ts";
import type { ModelSpec } from "../model/types.ts";

/**
 * Neurons that `tokens` independent tokens activate together, over all experts:
 * E * I * (1 - (1 - density * topK / E) ^ tokens). Tokens of one batch overlap more than independent ones do, so this
 * is an upper estimate; it shapes the choice of tiles and never what is computed.
 */
export function expectedUnion(model: ModelSpec, intermediate: number, tokens: number): number {
  const activates = (model.density * model.topK) / model.experts;
  return model.experts * intermediate * (1 - (1 - activates) ** tokens);
}

/** Experts that `tokens` independent, evenly routed tokens visit: E * (1 - (1 - topK / E) ^ tokens). */
export function expectedExperts(model: Pick<ModelSpec, "experts" | "topK">, tokens: number): number {
  return model.experts * (1 - (1 - model.topK / model.experts) ** tokens);
}

/** The largest rank of the model's predictors, rounded up: one kernel serves every layer. */
export function rankClass(model: ModelSpec): number {
  return Math.ceil(Math.max(...model.predictorRanks) / rankMultiple) * rankMultiple;
}
