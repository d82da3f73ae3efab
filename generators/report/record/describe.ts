import { counted } from "../../counted.ts";
import { percent } from "../format.ts";
import type { Workload } from "./identity.ts";
import type { BenchResult, BenchShape, Operator } from "./schema.ts";

const titles: Readonly<Record<Operator, string>> = {
  ffn: "FFN, mask given",
  predict: "Predictor",
  ffn_predicted: "FFN with its predictor",
  ffn_gate_first: "FFN, gate first",
  moe: "MoE with its predictors",
  moe_gate_first: "MoE, gate first",
};

const activations: Readonly<Record<BenchShape["activation"], string>> = { drelu: "dReLU", reglu: "ReGLU" };

export function operatorTitle({ operator }: Pick<Workload, "operator">): string {
  return titles[operator];
}

/** `4096 × 14336, bf16 dReLU, int8 predictor of rank 1280, 16 layers`. */
export function shapeText({ shape }: Workload): string {
  const { hidden, intermediate, experts, topK, rank, predictorBits, dtype, activation, layers } = shape;
  const predictor = predictorBits === 8 ? "int8 predictor" : `${dtype} predictor`;
  return [
    `${hidden} × ${intermediate}`,
    ...(experts === 1 ? [] : [`${experts} experts, top ${topK}`]),
    `${dtype} ${activations[activation]}`,
    ...(rank === null ? [] : [`${predictorBits === null ? "predictor" : predictor} of rank ${rank}`]),
    counted(layers, "layer"),
  ].join(", ");
}

/** `1 token, 10%`. */
export function sizeText({ tokens, density }: Pick<BenchResult, "tokens" | "density">): string {
  return `${counted(tokens, "token")}, ${percent(density)}`;
}
