#!/usr/bin/env zx
import { resolve } from "node:path";
import { $, argv } from "zx";
import { ensureBeside, ensurePython, tensorRtVersions } from "./python-env.mjs";
import { makeHarness, pythonPath } from "./tensorrt-harness.mjs";

// Fills a folder with all that test/gpu/tensorrt and test/gpu/cpp need on a machine with a GPU, which then needs no
// network: the bundles, the libraries that call the plugins, and the runtimes for a Python of that machine.
const { out = ".carry/tensorrt", python = "3.12", config = "test/gpu/turbosparse.yaml", cache } = argv;
const environment = await ensurePython();
const run = $({ stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, PYTHONPATH: pythonPath("plugins") } });
await run`${environment}/bin/python test/gpu/write_models.py`;
const engines = "tensorrt,cpp";
await makeHarness({ config, engines, folder: out, ...(cache === undefined ? {} : { cache }) });
for (const version of tensorRtVersions) {
  const requirements = `test/python/tensorrt/requirements-${version}.txt`;
  const other = ["--python-version", String(python), "--python-platform", "x86_64-manylinux_2_28"];
  const runtime = await ensureBeside(`tensorrt-${version}-python-${python}`, requirements, other);
  await run`rm -rf ${out}/runtime-${version}`;
  await run`cp -r ${runtime} ${out}/runtime-${version}`;
}
process.stdout.write(`${resolve(out)}\n`);
