#!/usr/bin/env zx
// Fits the cost model to bench records: npx zx scripts/calibrate.mjs docs/measurements/h200-bench-mistral-7b.json …
import { readFile, writeFile } from "node:fs/promises";
import { $, argv } from "zx";
import { loadTs } from "./load-ts.mjs";

const { parseRecord } = await loadTs("../generators/report/record/read.ts");
const { groupByGpu } = await loadTs("./calibrate/gpus.ts");
const { fitModel } = await loadTs("./calibrate/fit.ts");
const { calibrationModule } = await loadTs("./calibrate/module-text.ts");

const target = "generators/plan/cost/calibration.ts";

async function calibrate(paths) {
  if (paths.length === 0) throw new Error("Name the bench records to fit the cost model to.");
  const records = await Promise.all(paths.map(async (path) => parseRecord(path, await readFile(path, "utf8"))));
  const fits = groupByGpu(records).map(({ arch, measured }) => fitModel(measured, arch));
  await writeFile(target, calibrationModule(fits));
  await $({ quiet: true })`node_modules/.bin/biome check --write ${target}`;
  for (const { calibration, observations, medianError, largestError } of fits) {
    const errors = `median error ${(100 * medianError).toFixed(1)}%, largest ${(100 * largestError).toFixed(1)}%`;
    process.stdout.write(`${calibration.gpu}: ${observations} times, ${errors}\n`);
  }
  process.stdout.write(`wrote ${target}\n`);
}

await calibrate(argv._).catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
