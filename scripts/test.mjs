#!/usr/bin/env zx
import { resolve } from "node:path";
import { $, argv } from "zx";
import { ensureBeside, ensurePython, ensureVllm, tensorRtVersions, vllmTests } from "./python-env.mjs";
import { makeHarness, pythonPath } from "./tensorrt-harness.mjs";

process.env.PATH = `node_modules/.bin:${process.env.PATH}`;
const run = $({ stdio: "inherit", nothrow: true });

const pytest = async (environment, tests, variables = async () => ({})) => {
  try {
    const python = `${await environment()}/bin/python`;
    return await run({ env: { ...process.env, ...(await variables()) } })`${python} -m pytest ${tests}`;
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    return { exitCode: 1 };
  }
};

const results = { vitest: await run`vitest run`, pytest: await pytest(ensurePython, "test/python") };
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
  results[`pytest with TensorRT ${version}`] = await pytest(ensurePython, ["test/python/tensorrt"], runtime);
}
const cmake = onHarness(async () => ({
  TURBOSPARSE_CMAKE: resolve(await ensureBeside("cmake", "test/python/cpp/requirements.txt")),
}));
results["pytest of the C++ bundle"] = await pytest(ensurePython, ["test/python/cpp"], cmake);
// `npm test -- --no-vllm`: they install 10 GB and take longer than all the others.
for (const [version, tests] of argv.vllm === false ? [] : vllmTests) {
  results[`pytest with vLLM ${version}`] = await pytest(() => ensureVllm(version), tests);
}
if (argv.vllm !== false) {
  // Which need transformers and no more of that environment.
  const interfaces = () => ensureVllm([...vllmTests.keys()][0]);
  results["pytest with TensorRT-LLM's interfaces"] = await pytest(interfaces, ["test/python/tensorrt_llm"]);
}

const failed = Object.keys(results).filter((name) => results[name].exitCode !== 0);
process.stderr.write(failed.length === 0 ? "All tests passed.\n" : `Failed: ${failed.join(", ")}.\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
