import type { ModelSpec } from "../../model/types.ts";
import type { Arch } from "../types.ts";

/** What a bench times: an FFN with a given mask, a predictor alone, and what finds the active neurons itself. */
export type Operator = "ffn" | "predict" | "ffn_predicted" | "ffn_gate_first" | "moe" | "moe_gate_first";

/** One layer of a model, as far as the time of a call depends on it. */
export interface CallShape extends Pick<ModelSpec, "hidden" | "intermediate" | "experts" | "topK"> {
  /** Of the predictor; null where none is evaluated. */
  readonly rank: number | null;
  /** Of a weight of its fc2 that every call reads: 8 of two int8 planes made when it is loaded. fc1 is not quantised. */
  readonly predictorBits: 8 | 16 | null;
}

/** A stage of an operator: one or more kernels with one purpose. */
export type Step = "predict" | "gate" | "ffn";

/** One call of an operator. */
export interface Call {
  readonly operator: Operator;
  readonly shape: CallShape;
  readonly tokens: number;
  /** Share of the neurons, over all experts, that some token activates. */
  readonly unionDensity: number;
  /** Weight bytes that it must read. */
  readonly bytes: number;
}

/** A timed call, with what else tells it from others. */
export interface Measurement extends Call {
  readonly shape: CallShape & Pick<ModelSpec, "dtype" | "activation">;
  /** Share of the neurons of one FFN or routed expert that one token activates. */
  readonly density: number;
  /** What the operator did with so many tokens. */
  readonly path: "sparse" | "dense";
  readonly microseconds: number;
  /** Of the best dense form of the same layer, in the same run. */
  readonly denseMicroseconds: number | null;
}

/** The measurements of one GPU and one version of the kernels. */
export interface MeasuredGpu {
  readonly gpu: string;
  /** Digest of kernels/ and templates/, as in a wheel's manifest. */
  readonly sourcesSha256: string;
  readonly copyGigabytesPerSecond: number;
  readonly results: readonly Measurement[];
}

/** Part of a call that the same kernels do: what `share` and the cost of a result are constants of. */
export const paths = [
  "predict8_few",
  "predict8_many",
  "predict16_few",
  "predict16_many",
  "gate_few",
  "gate_many",
  "ffn_few",
  "ffn_many",
  "experts_many",
  "dense_ffn",
  "dense_experts",
] as const;
export type Path = (typeof paths)[number];

export interface PathConstants {
  /** Of the copy bandwidth, at which weights are read. */
  readonly share: number;
  /** For a thousand elements of the result `[tokens, hidden]`: partial sums, and arithmetic that is not hidden. */
  readonly microsecondsPerKiloResult: number;
}

/** The cost model's constants of one GPU. */
export interface GpuCalibration {
  /** As the driver names it. */
  readonly gpu: string;
  readonly arch: Arch;
  /** Of the kernels that were measured: times of others do not belong beside its predictions. */
  readonly sourcesSha256: string;
  /** Measured bandwidth of a copy, read plus write. */
  readonly copyGigabytesPerSecond: number;
  /** Once a call: the ramp until memory is busy. */
  readonly callMicroseconds: number;
  readonly launchMicroseconds: number;
  readonly paths: Readonly<Partial<Record<Path, PathConstants>>>;
}
