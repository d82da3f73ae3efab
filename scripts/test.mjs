#!/usr/bin/env zx
import { resolve } from "node:path";
import { $, argv } from "zx";
import { ensureBeside, ensurePython, ensureVllm, tensorRtVersions, vllmTests } from "./python-env.mjs";
import { makeHarness, pythonPath } from "./tensorrt-harness.mjs";

process.env.PATH = `node_modules/.bin:${process.env.PATH}`;
const run = $({ stdio: "inherit", nothrow: true });
const results = { vitest: await run`vitest run` };

/** Runs one pytest and prints all of it at its end: others run beside it. */
const pytest = async (name, environment, tests, variables = async () => ({})) => {
  try {
    const python = `${await environment()}/bin/python`;
    const env = { ...process.env, ...(await variables()) };
    results[name] = await $({ env, nothrow: true, quiet: true })`${python} -m pytest ${tests}`;
    process.stdout.write(`\n${name}\n${results[name].stdall}`);
  } catch (error) {
    process.stderr.write(`\n${name}\n${error.message}\n`);
    results[name] = { exitCode: 1 };
  }
};

const neutral = async () => {
  await pytest("pytest", ensurePython, "test/python");
  const bundles = { config: "test/python/tensorrt/turbosparse.yaml", engines: "tensorrt,cpp", folder: ".venv/harness" };
  const harness = await makeHarness(bundles).catch((error) => error);
  const onHarness = (variables) => async () => {
    if (harness instanceof Error) throw harness;
    return { TURBOSPARSE_HARNESS: harness.folder, TURBOSPARSE_CUDA: harness.cuda, ...(await variables()) };
  };
  for (const version of tensorRtVersions) {
    const runtime = onHarness(async () => {
      const requirements = `test/python/tensorrt/requirements-${version}.txt`;
      return { PYTHONPATH: pythonPath(await ensureBeside(`tensorrt-${version}`, requirements)) };
    });
    await pytest(`pytest with TensorRT ${version}`, ensurePython, ["test/python/tensorrt"], runtime);
  }
  const cmake = onHarness(async () => ({
    TURBOSPARSE_CMAKE: resolve(await ensureBeside("cmake", "test/python/cpp/requirements.txt")),
  }));
  await pytest("pytest of the C++ bundle", ensurePython, ["test/python/cpp"], cmake);
};

const newest = [...vllmTests.keys()][0];
const inVllm = (version) => pytest(`pytest with vLLM ${version}`, () => ensureVllm(version), vllmTests.get(version));
const older = async () => {
  for (const version of [...vllmTests.keys()].slice(1)) await inVllm(version);
  // Which need transformers and no more of that environment.
  await pytest("pytest with TensorRT-LLM's interfaces", () => ensureVllm(newest), ["test/python/tensorrt_llm"]);
};

// `npm test -- --no-vllm` leaves out what installs 10 GB and takes longer than all the others.
if (argv.vllm === false) {
  await neutral();
} else {
  // An engine computes on one core, so two of these at a time. Their environments are made before, since both would make
  // the same; one that cannot be made says so where it is used.
  for (const version of vllmTests.keys()) await ensureVllm(version).catch(() => undefined);
  await Promise.all([inVllm(newest), neutral().then(older)]);
}

const failed = Object.keys(results).filter((name) => results[name].exitCode !== 0);
process.stderr.write(failed.length === 0 ? "All tests passed.\n" : `Failed: ${failed.join(", ")}.\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
