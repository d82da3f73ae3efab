#!/usr/bin/env zx
import { readdir, readFile, writeFile } from "node:fs/promises";
import { argv } from "zx";
import { loadTs } from "./load-ts.mjs";

const { contextTree } = await loadTs("./template-contexts/context-tree.ts");
const { contextInterfaces } = await loadTs("./template-contexts/interfaces.ts");

const target = "generators/render/contexts.ts";
const names = (await readdir("templates")).filter((name) => name.endsWith(".hbs")).sort();
const trees = new Map();
for (const name of names) trees.set(name, contextTree(name, await readFile(`templates/${name}`, "utf8")));

const text = contextInterfaces(trees);
if ((await readFile(target, "utf8").catch(() => undefined)) === text) {
  process.stderr.write(`${target} is what the templates read.\n`);
} else if (argv.check) {
  process.stderr.write(`${target} is not what the templates read; run \`zx scripts/template-contexts.mjs\`.\n`);
  process.exitCode = 1;
} else {
  await writeFile(target, text);
  process.stdout.write(`wrote ${target}\n`);
}
