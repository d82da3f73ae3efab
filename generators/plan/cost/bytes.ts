import type { CallShape, Operator, Step } from "./types.ts";

/** The operators of docs/architecture.md as the steps of which each is made. */
export const stepsOf: Readonly<Record<Operator, readonly Step[]>> = {
  ffn: ["ffn"],
  predict: ["predict"],
  ffn_predicted: ["predict", "ffn"],
  ffn_gate_first: ["gate", "ffn"],
  moe: ["predict", "ffn"],
  moe_gate_first: ["gate", "ffn"],
};

/** Both weight dtypes have two bytes. */
const elementBytes = 2;
/** An int8 row of fc2 has a float32 scale. */
const scaleBytes = 4;

/**
 * Bytes of what finds the active neurons of one expert; 0 where they are given. Of int8 the high plane: how many rows of
 * the low one a call needs depends on its data.
 */
export function selectionBytes(operator: Operator, shape: CallShape): number {
  const { hidden, intermediate, rank, predictorBits } = shape;
  const steps = stepsOf[operator];
  if (steps.includes("gate")) return intermediate * hidden * elementBytes;
  if (!steps.includes("predict") || rank === null || predictorBits === null) return 0;
  const fc1 = rank * hidden * elementBytes;
  const fc2 = (intermediate * rank * predictorBits) / 8 + (predictorBits === 8 ? intermediate * scaleBytes : 0);
  return fc1 + fc2;
}

/** Bytes of the active neurons: whole ones, or without the gate rows that have been read. */
export function activeBytes(operator: Operator, shape: CallShape, unionDensity: number): number {
  const steps = stepsOf[operator];
  if (!steps.includes("ffn")) return 0;
  const rows = steps.includes("gate") ? 2 : 3;
  return unionDensity * shape.experts * shape.intermediate * rows * shape.hidden * elementBytes;
}

/** Bytes of all neurons of one expert. */
export function denseBytes({ hidden, intermediate }: CallShape): number {
  return intermediate * 3 * hidden * elementBytes;
}
