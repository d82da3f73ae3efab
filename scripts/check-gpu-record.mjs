#!/usr/bin/env zx
import { readFile } from "node:fs/promises";
import { glob } from "zx";
import { loadTs } from "./load-ts.mjs";

const { gpuRecordVerdict } = await loadTs("./checks/gpu-record.ts");
const { digestedFolders, sourcesDigest } = await loadTs("../generators/package/sources-digest.ts");

const texts = async (patterns) => {
  const paths = await glob(patterns, { dot: true });
  return Promise.all(paths.map(async (path) => ({ path, text: await readFile(path, "utf8") })));
};

const sources = await texts(digestedFolders.map((folder) => `${folder}/**`));
const digest = sourcesDigest(new Map(sources.map(({ path, text }) => [path, text])));
const { current, lines } = gpuRecordVerdict(await texts("docs/measurements/*.json"), digest);
for (const line of lines) process.stdout.write(`${line}\n`);
process.exitCode = current ? 0 : 1;
