#!/usr/bin/env zx
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { argv, glob } from "zx";
import { loadTs } from "./load-ts.mjs";

const { commandRegistry } = await loadTs("../generators/cli/registry.ts");
const { configJsonSchema } = await loadTs("../generators/config/json-schema.ts");
const { cliReference } = await loadTs("./docs/cli-reference.ts");
const { configReference } = await loadTs("./docs/config-reference.ts");
const { exitCodes } = await loadTs("./docs/exit-codes.ts");
const { expectations } = await loadTs("./docs/expectations.ts");
const { withMeasuredTables } = await loadTs("./docs/proof.ts");

const definitions = await Promise.all(commandRegistry.map((entry) => entry.load()));
const workflow = await readFile(".github/workflows/kernel-matrix.yml", "utf8");
const ciMatrix = await readFile("docs/ci-matrix.md", "utf8");
const records = (await glob("docs/measurements/*.json")).map(async (path) => [path, await readFile(path, "utf8")]);
const measurements = Object.fromEntries(await Promise.all(records));
const pages = {
  "docs/ci-matrix.md": ciMatrix.replace(/```yaml\n[\s\S]*?```/, () => `\`\`\`yaml\n${workflow}\`\`\``),
  "docs/cli.md": cliReference(definitions, exitCodes(await readFile("generators/errors.ts", "utf8"))),
  "docs/config.md": configReference(configJsonSchema()),
  "docs/proof.md": withMeasuredTables(await readFile("docs/proof.md", "utf8"), measurements),
  "docs/turbosparse.schema.json": configJsonSchema(),
  ...expectations(measurements),
};

for (const [path, text] of Object.entries(pages)) {
  if ((await readFile(path, "utf8").catch(() => undefined)) === text) continue;
  if (argv.check) {
    process.stderr.write(`${path} is not what the sources say; run \`npm run docs\`.\n`);
    process.exitCode = 1;
  } else {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    process.stdout.write(`wrote ${path}\n`);
  }
}
