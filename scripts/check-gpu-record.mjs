#!/usr/bin/env zx
import { readFile } from "node:fs/promises";
import { glob } from "zx";
import { loadTs } from "./load-ts.mjs";

const { createEnv } = await loadTs("../generators/io/create-env.ts");
const { readPackageInputs } = await loadTs("../generators/package/inputs.ts");
const { gpuRecordVerdict } = await loadTs("./checks/gpu-record.ts");

const { sourcesSha256 } = await readPackageInputs(createEnv());
const paths = (await glob("docs/measurements/*.json")).sort();
const files = await Promise.all(paths.map(async (path) => ({ path, text: await readFile(path, "utf8") })));

const { current, lines } = gpuRecordVerdict(files, sourcesSha256);
for (const line of lines) process.stdout.write(`${line}\n`);
process.exitCode = current ? 0 : 1;
