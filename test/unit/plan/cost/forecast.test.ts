import { expect, test } from "vitest";
import { calibrations } from "../../../../generators/plan/cost/calibration.ts";
import { forecasts, forecastTokens, type Knowledge } from "../../../../generators/plan/cost/forecast.ts";
import type { GpuCalibration, Measurement } from "../../../../generators/plan/cost/types.ts";
import { shardsOf } from "../../../../generators/plan/plan.ts";
import { denseModel, gateFirstModel, moeModel, resolvedConfig } from "../../../support/resolved-config.ts";

/** 1 TB/s, so that a megabyte takes a microsecond, and round constants. */
const gpu: GpuCalibration = {
  gpu: "NVIDIA Example",
  arch: "sm_90a",
  sourcesSha256: "a".repeat(64),
  copyGigabytesPerSecond: 1000,
  callMicroseconds: 1,
  launchMicroseconds: 2,
  paths: {
    ffn_few: { share: 0.5, microsecondsPerKiloResult: 0.25 },
    dense_ffn: { share: 1, microsecondsPerKiloResult: 0 },
  },
};

/** Two thousand active neurons of a hundred thousand, 3 KB each. */
const model = denseModel({ hidden: 512, intermediate: 100_000, density: 0.02 });
const measurement: Measurement = {
  operator: "ffn",
  shape: {
    hidden: 512,
    intermediate: 100_000,
    experts: 1,
    topK: 1,
    rank: null,
    predictorBits: null,
    ...dtypeOf(model),
  },
  tokens: 1,
  density: 0.02,
  unionDensity: 0.04,
  bytes: 4 * 3.072e6,
  path: "sparse",
  microseconds: 5,
  denseMicroseconds: 8,
};

const run = { gpu: gpu.gpu, sourcesSha256: gpu.sourcesSha256, copyGigabytesPerSecond: 1000 };

function dtypeOf({ dtype, activation }: typeof model) {
  return { dtype, activation };
}

function forecast(tokens: number[], knowledge: Partial<Knowledge> = {}, changes = {}) {
  const shards = shardsOf(resolvedConfig({ models: [{ ...model, ...changes }] }));
  return forecasts(shards, ["sm_90a"], tokens, { calibrations: [gpu], measured: [], ...knowledge });
}

const given = (found: ReturnType<typeof forecast>) => found.filter(({ operator }) => operator === "ffn");

test("a call costs its ramp, its launches, its results and its bytes", () => {
  const [row] = given(forecast([1]))[0]?.rows ?? [];
  const sparse = 1 + 2 * 2 + 0.512 * 0.25 + (2 * 3.072) / 0.5;
  const dense = 1 + 3 * 2 + 100 * 3.072;
  expect(row?.unionDensity).toBeCloseTo(0.02);
  expect(row?.microseconds).toBeCloseTo(sparse);
  expect(row?.denseMicroseconds).toBeCloseTo(dense);
  expect(row?.speedup).toBeCloseTo(dense / sparse);
});

test("more tokens activate a larger union", () => {
  const rows = given(forecast([1, 2, 4]))[0]?.rows ?? [];
  expect(rows.map(({ unionDensity }) => unionDensity)).toEqual([0.02, 1 - 0.98 ** 2, 1 - 0.98 ** 4].map(closeTo));
});

const closeTo = (value: number) => expect.closeTo(value, 9);

test("what is not calibrated has no time, and an architecture without a calibrated GPU has no rows", () => {
  const predicted = forecast([1]).filter(({ operator }) => operator === "ffn_predicted");
  expect(predicted.map(({ predictorBits, rows }) => [predictorBits, rows[0]?.microseconds, rows[0]?.speedup])).toEqual([
    [8, null, null],
    [16, null, null],
  ]);
  expect(given(forecast([1], { calibrations: [] }))).toMatchObject([{ gpu: null, rows: [] }]);
});

test("a measurement of the same call stands beside the prediction, with the model's error for what was measured", () => {
  const measured = [{ ...run, results: [measurement] }];
  const [row] = given(forecast([1], { measured }))[0]?.rows ?? [];
  const predicted = 1 + 2 * 2 + 0.512 * 0.25 + (4 * 3.072) / 0.5;
  expect(row?.measured).toEqual({
    unionDensity: 0.04,
    path: "sparse",
    microseconds: 5,
    denseMicroseconds: 8,
    relativeError: closeTo(predicted / 5 - 1),
  });
});

test.each([
  ["another GPU", { gpu: "NVIDIA Other" }, {}],
  ["other kernels", { sourcesSha256: "b".repeat(64) }, {}],
  ["another density", {}, { density: 0.03 }],
  ["another number of tokens", {}, { tokens: 2 }],
  ["another shape", {}, { shape: { ...measurement.shape, intermediate: 100_001 } }],
  ["another dtype", {}, { shape: { ...measurement.shape, dtype: "fp16" as const } }],
  ["another operator", {}, { operator: "predict" as const }],
])("a measurement of %s does not", (_what, ofGpu, ofResult) => {
  const results = [{ ...measurement, ...ofResult }];
  const measured = [{ ...run, results, ...ofGpu }];
  expect(given(forecast([1], { measured }))[0]?.rows[0]?.measured).toBeNull();
});

test("where the operator ran dense, the measured time says nothing of the sparse kernels", () => {
  const results = [{ ...measurement, path: "dense" as const }];
  const measured = [{ ...run, results }];
  expect(given(forecast([1], { measured }))[0]?.rows[0]?.measured).toMatchObject({
    path: "dense",
    relativeError: null,
  });
});

test("each kind of model has its operators", () => {
  const operators = (models: (typeof model)[]) =>
    forecasts(shardsOf(resolvedConfig({ models })), ["sm_90a"], [1], { calibrations, measured: [] }).map(
      ({ operator, predictorBits }) => [operator, predictorBits],
    );
  expect(operators([denseModel()])).toEqual([
    ["ffn_predicted", 8],
    ["ffn_predicted", 16],
    ["ffn", null],
  ]);
  expect(operators([gateFirstModel()])).toEqual([
    ["ffn_gate_first", null],
    ["ffn", null],
  ]);
  expect(operators([moeModel()])).toEqual([
    ["moe", 8],
    ["moe", 16],
  ]);
  expect(operators([moeModel({ selection: "gate-first", predictorRanks: [] })])).toEqual([["moe_gate_first", null]]);
});

test("only numbers of tokens that kernels are built for are forecast", () => {
  expect(forecastTokens({ min: 2, max: 20 })).toEqual([2, 4, 8, 16]);
});

test("the shipped constants are of known architectures, positive, and within what memory can do", () => {
  expect(calibrations.map((calibration) => calibration.gpu)).toContain("NVIDIA H200");
  for (const { paths, callMicroseconds, launchMicroseconds, copyGigabytesPerSecond } of calibrations) {
    expect(callMicroseconds + launchMicroseconds).toBeGreaterThan(0);
    expect(copyGigabytesPerSecond).toBeGreaterThan(1000);
    // Reading alone can be somewhat faster than a copy.
    for (const { share } of Object.values(paths)) expect(share).toSatisfy((value) => value > 0 && value < 1.3);
  }
});
