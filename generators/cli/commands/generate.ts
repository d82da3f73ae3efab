import { join, relative, resolve } from "node:path";
import { type Command, Option } from "commander";
import { counted } from "../../counted.ts";
import type { CommandDefinition } from "../command.ts";
import { addConfigOptions } from "../config-options.ts";
import { generateSources } from "../sources/generate-sources.ts";
import { applyDrift, type Drift, findDrift, isEmpty } from "../sources/output-folder.ts";

interface GenerateOptions {
  readonly out: string;
  readonly list?: boolean;
  readonly check?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const definition: CommandDefinition = {
  name: "generate",
  summary: "write the CUDA sources without compiling them",
  configure: (command: Command) => {
    addConfigOptions(command)
      .option("--out <dir>", "folder to write to", join("dist", "src"))
      .addOption(new Option("--list", "print the paths of the sources instead of writing them").conflicts("check"))
      .addOption(new Option("--check", "fail when the folder is not what would be generated").conflicts("dryRun"))
      .option("--dry-run", "print what would change instead of writing it")
      .option("--json", "print JSON");
  },
  run: async ({ env, progress }, _args, options) => {
    const { out, list, check, dryRun, json } = options as unknown as GenerateOptions;
    const files = await generateSources(env, options);
    if (list === true) {
      const paths = [...files.keys()];
      env.stdout.write(json === true ? `${JSON.stringify(paths, null, 2)}\n` : `${paths.join("\n")}\n`);
      return "ok";
    }
    const folder = resolve(env.cwd, out);
    const drift = await findDrift(env, folder, files);
    const shown = relative(env.cwd, folder) || ".";
    if (json === true) env.stdout.write(`${JSON.stringify({ out: folder, ...drift }, null, 2)}\n`);
    else if (check === true || dryRun === true) env.stdout.write(driftLines(drift));
    if (isEmpty(drift)) {
      progress.note(`${shown} holds all ${counted(files.size, "source")} already.`);
      return check === true ? "ok" : "nothingToDo";
    }
    if (check === true) {
      progress.note(`${shown} is not what would be generated; \`turbosparse-plugin generate\` brings it up to date.`);
      return "failed";
    }
    if (dryRun === true) return "ok";
    await applyDrift(env, folder, files, drift);
    const removed = drift.stale.length === 0 ? "" : ` and removed ${drift.stale.length}`;
    progress.note(`Wrote ${counted(drift.missing.length + drift.changed.length, "source")} to ${shown}${removed}.`);
    return "ok";
  },
};

function driftLines({ missing, changed, stale }: Drift): string {
  const line = (what: string) => (path: string) => `${what} ${path}\n`;
  return [...missing.map(line("missing")), ...changed.map(line("changed")), ...stale.map(line("stale"))].join("");
}
