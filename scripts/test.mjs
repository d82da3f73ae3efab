#!/usr/bin/env zx
import { $, argv } from "zx";
import { ensurePython, ensureVllm, vllmTests } from "./python-env.mjs";

process.env.PATH = `node_modules/.bin:${process.env.PATH}`;
const run = $({ stdio: "inherit", nothrow: true });

const pytest = async (environment, tests) => {
  try {
    return await run`${await environment()}/bin/python -m pytest ${tests}`;
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    return { exitCode: 1 };
  }
};

const results = { vitest: await run`vitest run`, pytest: await pytest(ensurePython, "test/python") };
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
