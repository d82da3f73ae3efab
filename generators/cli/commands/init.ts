import { dirname, relative, resolve } from "node:path";
import { type Command, Option } from "commander";
import { parseArchs } from "../../config/archs.ts";
import { configFileName } from "../../config/load.ts";
import { type StarterModel, starterFile } from "../../config/starter-file.ts";
import { TurboSparseError } from "../../errors.ts";
import type { Env } from "../../io/env.ts";
import { presets } from "../../model/presets.ts";
import { readModelFolder } from "../../model/read-model-folder.ts";
import { readPreset } from "../../model/read-preset.ts";
import type { Activation } from "../../model/types.ts";
import type { CommandDefinition } from "../command.ts";
import { configOptions, modelOptions } from "../config-options.ts";
import { unwritableOut } from "../unwritable-out.ts";

interface InitOptions {
  readonly out: string;
  readonly activation?: Activation;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

export const definition: CommandDefinition = {
  name: "init",
  summary: "write a commented turbosparse.yaml from a model folder or preset",
  configure: (command: Command) => {
    modelOptions(command)
      .addOption(
        new Option("--activation <name>", "what the models compute, where their config cannot say").choices([
          "drelu",
          "reglu",
        ]),
      )
      .option("--out <file>", "file to write", configFileName)
      .option("--force", "overwrite a file that says something else")
      .option("--dry-run", "print the file instead of writing it");
  },
  run: async ({ env, progress }, _args, options) => {
    const { out, activation, force, dryRun } = options as unknown as InitOptions;
    const inputs = configOptions(options);
    const path = resolve(env.cwd, out);
    const models = await readModels(env, inputs, activation, dirname(path));
    const archs = inputs.arch === undefined ? undefined : parseArchs(inputs.arch, "--arch");
    const text = starterFile(models, archs);
    if (dryRun === true) {
      env.stdout.write(text);
      return "ok";
    }
    if ((await env.fs.stat(path)) !== undefined) {
      const present = await env.fs.readText(path).catch((error: unknown) => {
        throw unwritableOut({ code: "TS1303", file: out, cause: error });
      });
      if (present === text) {
        progress.note(`${out} says this already.`);
        return "nothingToDo";
      }
      if (force !== true) throw wouldOverwrite(out);
    }
    await env.fs.writeAtomic(path, text).catch((error: unknown) => {
      throw unwritableOut({ code: "TS1303", file: out, cause: error });
    });
    progress.note(`Wrote ${out}.`);
    return "ok";
  },
};

async function readModels(
  env: Env,
  { model = [], preset = [] }: { readonly model?: readonly string[]; readonly preset?: readonly string[] },
  activation: Activation | undefined,
  folder: string,
): Promise<readonly StarterModel[]> {
  const choices = activation === undefined ? {} : { activation };
  const written = activation === undefined ? {} : { activation };
  const names = model.length + preset.length === 0 ? [...presets.keys()] : preset;
  const models: StarterModel[] = [];
  for (const path of model) {
    const { spec } = await readModelFolder(env, path, choices, "--model");
    models.push({ spec, from: { path: relative(folder, resolve(env.cwd, path)) || "." }, ...written });
  }
  for (const name of names) {
    models.push({ spec: readPreset(name, choices, "--preset").spec, from: { preset: name }, ...written });
  }
  return models;
}

function wouldOverwrite(file: string): TurboSparseError {
  return new TurboSparseError({
    code: "TS1301",
    exit: "usage",
    message: `${file} exists and says something else.`,
    hint: "Give --force to overwrite it, --out to write another file, or --dry-run to look.",
  });
}
