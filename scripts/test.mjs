#!/usr/bin/env zx
import { $ } from "zx";
import { ensurePython } from "./python-env.mjs";

process.env.PATH = `node_modules/.bin:${process.env.PATH}`;
const run = $({ stdio: "inherit", nothrow: true });

const results = { vitest: await run`vitest run` };
try {
  const python = await ensurePython();
  results.pytest = await run`${python}/bin/python -m pytest test/python`;
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  results.pytest = { exitCode: 1 };
}

const failed = Object.keys(results).filter((name) => results[name].exitCode !== 0);
process.stderr.write(failed.length === 0 ? "All tests passed.\n" : `Failed: ${failed.join(", ")}.\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
