import type { ModelSpec } from "../../model/types.ts";
import type { BuildPlan } from "../types.ts";
import { expectedExperts, expectedUnion } from "../workload.ts";
import { activeBytes, selectionBytes } from "./bytes.ts";
import type { Call, CallShape, Operator } from "./types.ts";

/** An operator with what it is given. */
export interface Variant {
  readonly operator: Operator;
  /** Of a weight of the predictor's fc2; null where none is evaluated. */
  readonly predictorBits: 8 | 16 | null;
}

/** How a model's layer is called: with its predictor's fc2 in int8 or as it is, or gate first; an FFN also with a given mask. */
export function variantsOf({ experts, selection }: ModelSpec): Variant[] {
  const given: Variant[] = experts === 1 ? [{ operator: "ffn", predictorBits: null }] : [];
  if (selection === "gate-first") {
    return [{ operator: experts === 1 ? "ffn_gate_first" : "moe_gate_first", predictorBits: null }, ...given];
  }
  const operator = experts === 1 ? "ffn_predicted" : "moe";
  return [{ operator, predictorBits: 8 }, { operator, predictorBits: 16 }, ...given];
}

/** The call of `tokens` independent, evenly routed tokens. */
export function expectedCall(
  { model, intermediate }: BuildPlan["shards"][number],
  { operator, predictorBits }: Variant,
  tokens: number,
): Call {
  const { hidden, experts, topK } = model;
  const rank = predictorBits === null ? null : typicalRank(model.predictorRanks);
  const shape: CallShape = { hidden, intermediate, experts, topK, rank, predictorBits };
  const unionDensity = expectedUnion(model, intermediate, tokens) / (experts * intermediate);
  const selection = expectedExperts(model, tokens) * selectionBytes(operator, shape);
  return { operator, shape, tokens, unionDensity, bytes: selection + activeBytes(operator, shape, unionDensity) };
}

/** Of the ranks that layers have, the one nearest to their mean: a bench measures with the same. */
function typicalRank(ranks: readonly number[]): number {
  const mean = ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length;
  return ranks.reduce((best, rank) => (Math.abs(rank - mean) < Math.abs(best - mean) ? rank : best));
}
