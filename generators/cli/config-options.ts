import type { Command } from "commander";
import type { ConfigOptions } from "../config/types.ts";

function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

function collectList(value: string, previous: readonly string[] | undefined): readonly string[] {
  const items = value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
  return [...(previous ?? []), ...items];
}

/** Declares where the models come from and what GPUs they are for. */
export function modelOptions(command: Command): Command {
  return command
    .option("--model <dir>", "Hugging Face model folder; repeatable", collect)
    .option("--preset <name>", "model shapes without a checkpoint; repeatable", collect)
    .option("--arch <list>", "GPU architectures, comma-separated, for example sm_90a,sm_80", collectList);
}

/** Declares the input options that `resolveConfig` understands; commander's names are those of `ConfigOptions`. */
export function addConfigOptions(command: Command): Command {
  command.option("--config <file>", "configuration file (default: turbosparse.yaml in this folder, if there is one)");
  return modelOptions(command).option(
    "--engine <list>",
    "what uses the kernels, comma-separated: vllm, tensorrt, cpp",
    collectList,
  );
}

/** The shared input options out of everything commander parsed. */
export function configOptions(options: Readonly<Record<string, unknown>>): ConfigOptions {
  const { config, model, preset, arch, engine } = options as ConfigOptions;
  return {
    ...(config === undefined ? {} : { config }),
    ...(model === undefined ? {} : { model }),
    ...(preset === undefined ? {} : { preset }),
    ...(arch === undefined ? {} : { arch }),
    ...(engine === undefined ? {} : { engine }),
  };
}
