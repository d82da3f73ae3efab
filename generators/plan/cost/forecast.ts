import type { TokenRange } from "../tokens.ts";
import type { Arch, BuildPlan } from "../types.ts";
import { expectedCall, type Variant, variantsOf } from "./expected-call.ts";
import { type MeasuredTime, measuredTime } from "./measured-time.ts";
import { predictMicroseconds } from "./predict.ts";
import { denseTerms, sparseTerms } from "./terms.ts";
import type { GpuCalibration, MeasuredGpu } from "./types.ts";

/** One number of tokens. Times are in microseconds, and null where the GPU has no constants for a part of the call. */
export interface ForecastRow {
  readonly tokens: number;
  /** Expected share of the neurons that some of these tokens activates. */
  readonly unionDensity: number;
  readonly microseconds: number | null;
  readonly denseMicroseconds: number | null;
  /** Dense over sparse: below 1 the operator does better to run dense. */
  readonly speedup: number | null;
  /** Null where no measurement is of the same operator, shape, tokens and density. */
  readonly measured: MeasuredTime | null;
}

/** Expected times of one operator of a model's layer on one GPU. */
export interface Forecast extends Variant {
  readonly model: string;
  readonly tensorParallel: number;
  readonly arch: Arch;
  /** Expected share of the neurons of one FFN or routed expert that one token activates. */
  readonly density: number;
  /** Null when no GPU of the architecture is calibrated; there are no rows then. */
  readonly gpu: string | null;
  readonly rows: readonly ForecastRow[];
}

/** What is known of GPUs. */
export interface Knowledge {
  readonly calibrations: readonly GpuCalibration[];
  readonly measured: readonly MeasuredGpu[];
}

type Shard = BuildPlan["shards"][number];

/** Numbers of tokens to forecast for, within what a configuration builds kernels for: as in measurements. */
export const forecastTokens = ({ min, max }: TokenRange): number[] =>
  [1, 2, 4, 8, 16, 32, 64].filter((tokens) => tokens >= min && tokens <= max);

/** Every operator that the shards' models are served by, on every calibrated GPU of each architecture. */
export function forecasts(
  shards: readonly Shard[],
  archs: readonly Arch[],
  tokens: readonly number[],
  knowledge: Knowledge,
): Forecast[] {
  return shards.flatMap((shard) =>
    variantsOf(shard.model).flatMap((variant) =>
      archs.flatMap((arch) => forecastsOn(arch, shard, variant, tokens, knowledge)),
    ),
  );
}

function forecastsOn(
  arch: Arch,
  shard: Shard,
  variant: Variant,
  tokens: readonly number[],
  { calibrations, measured }: Knowledge,
): Forecast[] {
  const { name, density } = shard.model;
  const identity = { model: name, tensorParallel: shard.tensorParallel, arch, ...variant, density };
  const gpus = calibrations.filter((calibration) => calibration.arch === arch);
  if (gpus.length === 0) return [{ ...identity, gpu: null, rows: [] }];
  return gpus.map((gpu) => {
    const results = measured.filter((candidate) => isOf(candidate, gpu)).flatMap((candidate) => candidate.results);
    const rows = tokens.map((count): ForecastRow => {
      const call = expectedCall(shard, variant, count);
      const microseconds = predictMicroseconds(gpu, sparseTerms(call)) ?? null;
      const denseMicroseconds = predictMicroseconds(gpu, denseTerms(call)) ?? null;
      const speedup = microseconds === null || denseMicroseconds === null ? null : denseMicroseconds / microseconds;
      const { unionDensity } = call;
      const found = measuredTime(gpu, shard.model, call, results);
      return { tokens: count, unionDensity, microseconds, denseMicroseconds, speedup, measured: found };
    });
    return { ...identity, gpu: gpu.gpu, rows };
  });
}

const isOf = (measured: MeasuredGpu, calibration: GpuCalibration): boolean =>
  measured.gpu === calibration.gpu && measured.sourcesSha256 === calibration.sourcesSha256;
