import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { $ } from "zx";
import { calibrations } from "../../../generators/plan/cost/calibration.ts";
import { predictMicroseconds } from "../../../generators/plan/cost/predict.ts";
import { denseTerms, sparseTerms } from "../../../generators/plan/cost/terms.ts";
import type { Call, GpuCalibration, Measurement, Operator } from "../../../generators/plan/cost/types.ts";
import { parseRecord } from "../../../generators/report/record/read.ts";
import { fitModel } from "../../../scripts/calibrate/fit.ts";
import { groupByGpu, type SourceRecord } from "../../../scripts/calibrate/gpus.ts";
import { calibrationModule } from "../../../scripts/calibrate/module-text.ts";

const truth: GpuCalibration = {
  gpu: "NVIDIA Example",
  arch: "sm_90a",
  sourcesSha256: "a".repeat(64),
  copyGigabytesPerSecond: 4000,
  callMicroseconds: 1.5,
  launchMicroseconds: 1.25,
  paths: {
    predict8_few: { share: 0.8, microsecondsPerKiloResult: 0.125 },
    ffn_few: { share: 0.9, microsecondsPerKiloResult: 0.25 },
    ffn_many: { share: 0.7, microsecondsPerKiloResult: 0.15 },
    dense_ffn: { share: 1, microsecondsPerKiloResult: 0.05 },
  },
};

/** A call of `active` thousands of neurons, with the times that the true constants give it. */
function measurement(operator: Operator, tokens: number, active: number, rank: number): Measurement {
  const given = operator === "ffn";
  const shape = { hidden: 4096, intermediate: 14336, experts: 1, topK: 1, dtype: "bf16", activation: "drelu" } as const;
  const predictor = given ? { rank: null, predictorBits: null } : ({ rank, predictorBits: 8 } as const);
  const union = operator === "predict" ? 0 : (active * 1000) / 14336;
  const selection = given ? 0 : rank * (2 * 4096 + 14336) + 4 * 14336;
  const bytes = selection + union * 14336 * 24576;
  const call: Call = { operator, shape: { ...shape, ...predictor }, tokens, unionDensity: union, bytes };
  return {
    ...call,
    shape: { ...shape, ...predictor },
    density: 0.1,
    path: "sparse",
    microseconds: predictMicroseconds(truth, sparseTerms(call)) ?? 0,
    denseMicroseconds: operator === "predict" ? null : (predictMicroseconds(truth, denseTerms(call)) ?? 0),
  };
}

const results = [1, 2, 8].flatMap((tokens) =>
  [1, 3].flatMap((active) => [
    measurement("ffn", tokens, active, 0),
    measurement("ffn_predicted", tokens, active, 640),
    measurement("predict", tokens, active, 640 * active),
  ]),
);
const { gpu, sourcesSha256 } = truth;
const measured = { gpu, sourcesSha256, copyGigabytesPerSecond: 4000, results };

describe("fitting the cost model", () => {
  it("finds the constants that times were made with", () => {
    const { calibration, largestError } = fitModel(measured, "sm_90a");
    expect(largestError).toBeLessThan(1e-3);
    expect(calibration).toEqual({
      ...truth,
      callMicroseconds: expect.closeTo(1.5, 2),
      launchMicroseconds: expect.closeTo(1.25, 2),
      paths: Object.fromEntries(
        Object.entries(truth.paths).map(([path, { share, microsecondsPerKiloResult }]) => [
          path,
          { share: expect.closeTo(share, 2), microsecondsPerKiloResult: expect.closeTo(microsecondsPerKiloResult, 2) },
        ]),
      ),
    });
  });

  it("leaves out what the operator did not run on its sparse kernels", () => {
    const dense = results.map((result) => ({ ...result, path: "dense" as const, microseconds: 1000 }));
    expect(fitModel({ ...measured, results: [...results, ...dense] }, "sm_90a")).toEqual(fitModel(measured, "sm_90a"));
  });

  it("leaves out dense times of more tokens than the sparse kernels serve", () => {
    const long = { ...measurement("ffn", 128, 3, 0), path: "dense" as const, denseMicroseconds: 1000 };
    expect(fitModel({ ...measured, results: [...results, long] }, "sm_90a")).toEqual(fitModel(measured, "sm_90a"));
  });

  it("refuses results that do not depend on their bytes", () => {
    const constant = results.map((result) => ({ ...result, microseconds: 10, denseMicroseconds: null }));
    expect(() => fitModel({ ...measured, results: constant }, "sm_90a")).toThrow("do not tell the bandwidth of");
  });
});

describe("records of one GPU", () => {
  const record: SourceRecord = { ...measured, archs: ["compute_80", "sm_90a"] };

  it("are joined, and their native architecture is what was measured", () => {
    const second = { ...record, copyGigabytesPerSecond: 4100 };
    expect(groupByGpu([record, { ...record, gpu: "NVIDIA Another", archs: ["compute_80"] }, second])).toEqual([
      {
        arch: "sm_90a",
        measured: { ...measured, copyGigabytesPerSecond: 4100, results: [...results, ...results] },
      },
      { arch: "compute_80", measured: { ...measured, gpu: "NVIDIA Another" } },
    ]);
  });

  it.each([
    ["other kernels", { sourcesSha256: "b".repeat(64) }, "Expected one digest of kernel sources on NVIDIA Example"],
    ["other architectures", { archs: ["sm_80"] }, "Expected one architecture of the kernels on NVIDIA Example"],
  ])("of %s are not mixed", (_what, changes, message) => {
    expect(() => groupByGpu([record, { ...record, ...changes }])).toThrow(message);
  });

  it("of no known architecture are refused", () => {
    expect(() => groupByGpu([{ ...record, archs: ["sm_999"] }])).toThrow("found none");
  });
});

describe("the shipped constants", async () => {
  const folder = "docs/measurements";
  const names = (await readdir(folder)).filter((name) => name.endsWith(".json")).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
  const records = texts
    .filter((text) => JSON.parse(text).kind === "turbosparse-bench")
    .map((text) => parseRecord(folder, text))
    .filter(({ gpu, sourcesSha256 }) =>
      calibrations.some((calibration) => calibration.gpu === gpu && calibration.sourcesSha256 === sourcesSha256),
    );
  const fits = groupByGpu(records).map(({ arch, measured }) => fitModel(measured, arch));

  it("are those that the shipped records give, with no more in the module than the script writes", async () => {
    const shipped = await readFile("generators/plan/cost/calibration.ts", "utf8");
    const biome = ["check", "--write", "--stdin-file-path=generators/plan/cost/calibration.ts"];
    const { stdout } = await $({ quiet: true, input: calibrationModule(fits) })`node_modules/.bin/biome ${biome}`;
    expect(stdout).toBe(shipped);
  });

  it("explain those times within a few percent", () => {
    expect(fits.map(({ calibration }) => calibration.gpu)).toEqual(["NVIDIA H200"]);
    for (const { medianError, largestError } of fits) {
      expect(medianError).toBeLessThan(0.03);
      expect(largestError).toBeLessThan(0.12);
    }
  });
});

describe("the module", () => {
  it("holds each GPU's constants and says what they were fitted to", () => {
    const fitted = fitModel(measured, "sm_90a");
    const text = calibrationModule([fitted]);
    expect(text).toContain(JSON.stringify(fitted.calibration));
    expect(text).toContain("// Of 21 times: median error 0.0%, largest 0.0%.");
  });
});
