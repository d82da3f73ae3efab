import type { BenchResult, BenchShape } from "./schema.ts";

/** An operator on one shape: what a section of a report is about. */
export type Workload = Pick<BenchResult, "operator" | "shape">;

/** Equal for equal workloads only. */
export function workloadKey({ operator, shape }: Workload): string {
  // Spelt out rather than serialised, so that it does not depend on the order of keys in a file.
  const values: readonly BenchShape[keyof BenchShape][] = [
    shape.hidden,
    shape.intermediate,
    shape.experts,
    shape.topK,
    shape.rank,
    shape.predictorBits,
    shape.dtype,
    shape.activation,
    shape.layers,
  ];
  return JSON.stringify([operator, ...values]);
}

/** Equal for results of the same measurement, in one record or in two. */
export function resultKey(result: BenchResult): string {
  return JSON.stringify([workloadKey(result), result.tokens, result.density]);
}
