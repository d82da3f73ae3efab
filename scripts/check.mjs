#!/usr/bin/env zx
import { $ } from "zx";
import { runSteps } from "./checks/steps.mjs";
import { loadTs } from "./load-ts.mjs";
import { ensurePython } from "./python-env.mjs";

process.env.NO_COLOR = "1";
process.env.PATH = `node_modules/.bin:${process.env.PATH}`;

const { trackedFiles } = await loadTs("./checks/tracked-files.ts");
const { importProblems } = await loadTs("./checks/imports.ts");
const { hygieneProblems } = await loadTs("./checks/hygiene.ts");

/** A tool's exit code decides; its output is shown when it is not 0. */
const tool = (name, ...command) => ({
  name,
  run: async () => {
    const result = await $({ nothrow: true, quiet: true })`${command}`;
    return result.exitCode === 0 ? [] : [`${result.stdall}\n(exit code ${result.exitCode})`];
  },
});

const ruff = (...args) => ({
  name: `ruff ${args[0]}`,
  run: async () => tool("", `${await ensurePython()}/bin/ruff`, ...args).run(),
});

const files = await trackedFiles();
const cxx = files.map(({ path }) => path).filter((path) => /^kernels\/.*\.(cuh?|cc|h)$/.test(path));

const failed = await runSteps([
  tool("biome", "biome", "ci", "--colors=off", "--error-on-warnings"),
  tool("tsc", "tsc"),
  tool("knip", "knip"),
  ruff("check", "."),
  ruff("format", "--check", "."),
  tool("clang-format", "clang-format", "--dry-run", "-Werror", ...cxx),
  { name: "imports between stages", run: async () => importProblems(files) },
  { name: "machine paths and registry hosts", run: async () => hygieneProblems(files) },
  tool("generated docs and schema", "zx", "scripts/docs.mjs", "--check"),
  tool("template contexts", "zx", "scripts/template-contexts.mjs", "--check"),
  tool("golden files", "vitest", "run", "--project", "quick", "test/golden"),
  tool("publint", "publint", "--strict"),
]);

if (failed.length > 0) {
  process.stderr.write(`${failed.length} failed: ${failed.join(", ")}\n`);
  process.exitCode = 1;
}
