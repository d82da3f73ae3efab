import { fcnnlsVector } from "ml-fcnnls";
import { copyMicroseconds, predictMicroseconds } from "../../generators/plan/cost/predict.ts";
import { type CallTerms, denseTerms, sparseTerms } from "../../generators/plan/cost/terms.ts";
import { type GpuCalibration, type MeasuredGpu, type Path, paths } from "../../generators/plan/cost/types.ts";
import { maxTokens } from "../../generators/plan/tokens.ts";
import type { Arch } from "../../generators/plan/types.ts";

/** Nothing reads weights at twice the speed of a copy; such a share means that times did not depend on bytes. */
const largestShare = 2;

/** A time to explain, in microseconds. */
interface Observation {
  readonly terms: CallTerms;
  readonly microseconds: number;
}

/** Constants with how well they explain what they were fitted to, as shares of the measured time. */
export interface Fit {
  readonly calibration: GpuCalibration;
  readonly observations: number;
  readonly medianError: number;
  readonly largestError: number;
}

/**
 * Fits the cost model to one GPU's measurements: the constants, none of them negative, with the least sum of squared
 * relative errors. Relative, because a microsecond of ten matters and one of six hundred does not.
 */
export function fitModel(measured: MeasuredGpu, arch: Arch): Fit {
  const observations = observe(measured);
  const observed = paths.filter((path) => observations.some(({ terms }) => terms.parts.some((p) => p.path === path)));
  const rows = observations.map(({ terms, microseconds }) =>
    columns(terms, observed, measured.copyGigabytesPerSecond).map((value) => value / microseconds),
  );
  const [callMicroseconds = 0, launchMicroseconds = 0, ...constants] = solve(rows).map(rounded);
  const calibration: GpuCalibration = {
    gpu: measured.gpu,
    arch,
    sourcesSha256: measured.sourcesSha256,
    copyGigabytesPerSecond: measured.copyGigabytesPerSecond,
    callMicroseconds,
    launchMicroseconds,
    paths: Object.fromEntries(
      observed.map((path, index) => {
        const [microsecondsPerKiloResult = 0, slowness = 0] = constants.slice(2 * index);
        if (slowness < 1 / largestShare) {
          throw new Error(
            `The results of ${measured.gpu} do not tell the bandwidth of ${path}: measure more densities.`,
          );
        }
        return [path, { share: rounded(1 / slowness), microsecondsPerKiloResult }];
      }),
    ),
  };
  return { calibration, observations: observations.length, ...errors(calibration, observations) };
}

/**
 * Every call of the sparse kernels, and the dense form of each layer once for each number of tokens that they serve:
 * with more of them it waits for arithmetic, which the model does not describe.
 */
function observe({ results }: MeasuredGpu): Observation[] {
  const sparse = results
    .filter(({ path }) => path === "sparse")
    .map((result) => ({ terms: sparseTerms(result), microseconds: result.microseconds }));
  const dense = new Map<string, Observation>();
  for (const result of results) {
    const { shape, tokens, denseMicroseconds } = result;
    if (denseMicroseconds === null || result.operator === "predict" || tokens > maxTokens) continue;
    const { rank: _rank, predictorBits: _bits, ...layer } = shape;
    dense.set(JSON.stringify([layer, tokens]), { terms: denseTerms(result), microseconds: denseMicroseconds });
  }
  return [...sparse, ...dense.values()];
}

/** What each constant is multiplied by: for a call, for a launch, and for the results and bytes of each path. */
function columns({ launches, parts }: CallTerms, observed: readonly Path[], copyGigabytesPerSecond: number): number[] {
  const ofPaths = observed.flatMap((path) => {
    const part = parts.find((candidate) => candidate.path === path);
    return part === undefined ? [0, 0] : [part.kiloResults, copyMicroseconds(part.bytes, copyGigabytesPerSecond)];
  });
  return [1, launches, ...ofPaths];
}

/** The non-negative factors with which the columns come nearest to 1 in every row; columns are scaled for the solver. */
function solve(rows: readonly (readonly number[])[]): number[] {
  const norms = (rows[0] ?? []).map((_, column) => Math.hypot(...rows.map((row) => row[column] ?? 0)) || 1);
  const scaled = rows.map((row) => row.map((value, column) => value / (norms[column] ?? 1)));
  const ones = rows.map(() => 1);
  const factors = fcnnlsVector(scaled, ones).K.to1DArray();
  return factors.map((factor, column) => factor / (norms[column] ?? 1));
}

function errors(calibration: GpuCalibration, observations: readonly Observation[]) {
  const sizes = observations
    .map(({ terms, microseconds }) => Math.abs((predictMicroseconds(calibration, terms) ?? 0) / microseconds - 1))
    .sort((a, b) => a - b);
  return { medianError: sizes[sizes.length >> 1] ?? 0, largestError: sizes.at(-1) ?? 0 };
}

/** More digits than a measurement has would only make the constants' diff longer. */
const rounded = (value: number): number => Number(value.toPrecision(4));
