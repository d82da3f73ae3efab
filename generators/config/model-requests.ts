import { relative, resolve } from "node:path";
import { TurboSparseError } from "../errors.ts";
import type { Env } from "../io/env.ts";
import { presets } from "../model/presets.ts";
import type { ModelChoices } from "../model/reading.ts";
import type { LoadedConfig } from "./load.ts";
import type { ModelEntry } from "./schema.ts";
import type { ConfigOptions } from "./types.ts";

/** A model that was asked for, with what the user decided about it. */
export interface ModelRequest {
  readonly from: { readonly preset: string } | { readonly folder: string };
  readonly choices: ModelChoices;
  /** Where it was asked for, for errors: a flag or `file:line:col`. */
  readonly where: string;
  /** `file:line:col` of each choice. */
  readonly chosenAt: ReadonlyMap<string, string>;
}

/** The models of the flags, else of the file, else all presets. */
export function requestModels(
  env: Env,
  options: ConfigOptions,
  loaded: LoadedConfig | undefined,
): readonly ModelRequest[] {
  const shared = loaded === undefined ? { choices: {}, chosenAt: new Map<string, string>() } : sharedChoices(loaded);
  const flags: ModelRequest[] = [
    ...(options.model ?? []).map((folder) => ({ from: { folder }, where: "--model", ...shared })),
    ...(options.preset ?? []).map((preset) => ({ from: { preset }, where: "--preset", ...shared })),
  ];
  if (flags.length > 0) return flags;
  const entries = loaded?.file.models;
  if (loaded === undefined || entries === undefined) {
    return [...presets.keys()].map((preset) => ({ from: { preset }, where: `preset ${preset}`, ...shared }));
  }
  return entries.map((entry, index) => {
    const own = entryChoices(loaded, entry, index);
    return {
      from: sourceOf(env, loaded, entry, index),
      where: loaded.document.locate(["models", index]),
      choices: { ...shared.choices, ...own.choices },
      chosenAt: new Map([...shared.chosenAt, ...own.chosenAt]),
    };
  });
}

type Choices = Pick<ModelRequest, "choices" | "chosenAt">;

/** What the file says for all its models. */
function sharedChoices({ file, document }: LoadedConfig): Choices {
  const choices: ModelChoices = {
    ...(file.density === undefined ? {} : { density: file.density }),
    ...(file.dtypes?.weights === undefined ? {} : { dtype: file.dtypes.weights }),
  };
  const chosenAt = new Map<string, string>();
  if (choices.density !== undefined) chosenAt.set("density", document.locate(["density"]));
  if (choices.dtype !== undefined) chosenAt.set("dtype", document.locate(["dtypes", "weights"]));
  return { choices, chosenAt };
}

function entryChoices({ document }: LoadedConfig, entry: ModelEntry, index: number): Choices {
  const { path: _path, preset: _preset, ...given } = entry;
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return {
    choices: Object.fromEntries(set),
    chosenAt: new Map(set.map(([key]) => [key, document.locate(["models", index, key])])),
  };
}

function sourceOf(env: Env, loaded: LoadedConfig, entry: ModelEntry, index: number): ModelRequest["from"] {
  const { path, preset } = entry;
  if (preset !== undefined && path === undefined) return { preset };
  if (path !== undefined && preset === undefined) {
    return { folder: relative(env.cwd, resolve(loaded.folder, path)) || "." };
  }
  throw new TurboSparseError({
    code: "TS1109",
    exit: "usage",
    message: `${loaded.document.locate(["models", index])}: models[${index}] must have either path or preset.`,
    hint: "path is a Hugging Face model folder, preset the name of built-in shapes.",
  });
}
