import type { ModelSpec } from "../../model/types.ts";
import { predictMicroseconds } from "./predict.ts";
import { sparseTerms } from "./terms.ts";
import type { Call, GpuCalibration, Measurement } from "./types.ts";

/** What a measurement says of a call that is predicted beside it. */
export interface MeasuredTime {
  /** Of the measurement: tokens of a batch overlap more than the independent ones that are expected. */
  readonly unionDensity: number;
  readonly path: "sparse" | "dense";
  readonly microseconds: number;
  readonly denseMicroseconds: number | null;
  /** Predicted time of the measured call over the measured one, less 1; null where there is no prediction. */
  readonly relativeError: number | null;
}

/** The measurement of the same operator, shape, tokens and density, null when there is none. */
export function measuredTime(
  gpu: GpuCalibration,
  model: ModelSpec,
  call: Call,
  results: readonly Measurement[],
): MeasuredTime | null {
  const found = results.find((result) => isOf(result, model, call));
  if (found === undefined) return null;
  const { unionDensity, path, microseconds, denseMicroseconds } = found;
  const predicted = path === "sparse" ? predictMicroseconds(gpu, sparseTerms(found)) : undefined;
  const relativeError = predicted === undefined ? null : predicted / microseconds - 1;
  return { unionDensity, path, microseconds, denseMicroseconds, relativeError };
}

function isOf(result: Measurement, model: ModelSpec, { operator, shape, tokens }: Call): boolean {
  return (
    result.operator === operator &&
    result.tokens === tokens &&
    result.density === model.density &&
    result.shape.dtype === model.dtype &&
    result.shape.activation === model.activation &&
    result.shape.hidden === shape.hidden &&
    result.shape.intermediate === shape.intermediate &&
    result.shape.experts === shape.experts &&
    result.shape.topK === shape.topK &&
    result.shape.rank === shape.rank &&
    result.shape.predictorBits === shape.predictorBits
  );
}
