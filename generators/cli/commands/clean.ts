import { join, relative, resolve } from "node:path";
import type { Command } from "commander";
import type { Env } from "../../io/env.ts";
import { bundleFolder } from "../../package/bundle/bundle.ts";
import type { CommandDefinition } from "../command.ts";

interface CleanOptions {
  readonly out: string;
  readonly dryRun?: boolean;
}

/** What `build` and `generate` leave in the output folder. Anything else there is the user's. */
const wheel = /^turbosparse-[^-]+-py3-none-manylinux_\d+_\d+_x86_64\.whl$/;
const folders = ["logs", "src", bundleFolder("tensorrt"), bundleFolder("cpp")];

export const definition: CommandDefinition = {
  name: "clean",
  summary: "remove what build and generate wrote; the cache stays",
  configure: (command: Command) => {
    command
      .option("--out <dir>", "folder that was built into", "dist")
      .option("--dry-run", "print what would be removed, and remove nothing");
  },
  run: async ({ env, progress }, _args, options) => {
    const { out, dryRun } = options as unknown as CleanOptions;
    const folder = resolve(env.cwd, out);
    const paths = await outputs(env, folder);
    if (paths.length === 0) {
      progress.note(`There is nothing of this generator's in ${out}.`);
      return "nothingToDo";
    }
    for (const path of paths) {
      if (dryRun !== true) await env.fs.remove(path);
      env.stdout.write(`${relative(env.cwd, path)}\n`);
    }
    if (dryRun !== true && (await env.fs.list(folder)).length === 0) await env.fs.remove(folder);
    return "ok";
  },
};

async function outputs(env: Env, folder: string): Promise<string[]> {
  if ((await env.fs.stat(folder))?.kind !== "directory") return [];
  const names = await env.fs.list(folder);
  return names.filter((name) => wheel.test(name) || folders.includes(name)).map((name) => join(folder, name));
}
