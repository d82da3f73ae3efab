#!/usr/bin/env zx
import { $, glob } from "zx";
import { cxxSources } from "./checks/cxx-sources.mjs";
import { runSteps } from "./checks/steps.mjs";
import { loadTs } from "./load-ts.mjs";
import { ensurePython } from "./python-env.mjs";

process.env.NO_COLOR = "1";
// Else vitest writes golden files that are missing instead of failing.
process.env.CI = "true";
process.env.PATH = `node_modules/.bin:${process.env.PATH}`;

const { trackedFiles } = await loadTs("./checks/tracked-files.ts");
const { importProblems } = await loadTs("./checks/imports.ts");
const { hygieneProblems } = await loadTs("./checks/hygiene.ts");

/** One tool with much to say must not push the others off the screen. */
const shownLines = 40;

/** A tool's exit code decides; its output is shown when it is not 0. */
const tool = (name, ...command) => ({
  name,
  run: async () => {
    const result = await $({ nothrow: true, quiet: true })`${command}`;
    if (result.exitCode === 0) return [];
    const lines = result.stdall.trimEnd().split("\n");
    const more =
      lines.length > shownLines ? [`… ${lines.length - shownLines} more lines of \`${command.join(" ")}\``] : [];
    return [...lines.slice(0, shownLines), ...more];
  },
});

const ruff = (...args) => ({
  name: `ruff ${args[0]}`,
  run: async () => tool("", `${await ensurePython()}/bin/ruff`, ...args).run(),
});

const files = await trackedFiles();

const failed = await runSteps([
  tool("biome", "biome", "ci", "--colors=off", "--error-on-warnings"),
  tool("tsc", "tsc"),
  tool("knip", "knip"),
  ruff("check", "."),
  ruff("format", "--check", "."),
  tool("clang-format", "clang-format", "--dry-run", "-Werror", ...(await glob(cxxSources))),
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
