import { basename, join, resolve } from "node:path";
import type { Env } from "../io/env.ts";
import { chooseActivation, chooseDtype, chooseGateThreshold, chooseSelection } from "./choose.ts";
import { modelError, reasonOf } from "./error.ts";
import { familyOf, readSizes, sizeKeys } from "./families.ts";
import { checkFfnTensors } from "./ffn-tensors.ts";
import { readHfConfig } from "./hf-config.ts";
import { checkLimits } from "./limits.ts";
import type { ModelChoices, ModelReading } from "./reading.ts";
import { readCheckpoint } from "./safetensors/checkpoint.ts";
import type { ModelSpec } from "./types.ts";

/**
 * Reads the shapes of a Hugging Face model folder: config.json and the headers of its safetensors files.
 * `folder` may be relative to the working folder and is repeated in errors as given; `where` is the flag or place that
 * names it.
 */
export async function readModelFolder(
  env: Env,
  folder: string,
  choices: ModelChoices,
  where: string,
): Promise<ModelReading> {
  const path = await realFolder(env, folder, where);
  const config = await readHfConfig(env, path, folder);
  const family = familyOf(config);
  const sizes = readSizes(config, family);
  const activation = chooseActivation(family, choices, folder);
  const gateThreshold = chooseGateThreshold(config, activation, choices, folder);
  const { dtype, source: dtypeKey } = chooseDtype(config, choices);
  const natural: ModelSpec = {
    name: choices.name ?? nameOf(resolve(env.cwd, folder)),
    architecture: family.architecture,
    ...sizes,
    activation,
    gateThreshold,
    selection: "gate-first",
    predictorRanks: [],
    dtype,
    density: choices.density ?? family.density,
  };
  // Before the tensors: an absurd count must not become a loop over them.
  checkLimits(natural, folder);
  const ranks = checkFfnTensors(await readCheckpoint(env, path, folder), family, sizes);
  const selection = chooseSelection(ranks.length > 0, choices, folder);
  const spec: ModelSpec = { ...natural, selection, predictorRanks: selection === "predictor" ? ranks : [] };
  checkLimits(spec, folder);
  return { spec, sources: sourcesOf(folder, sizeKeys(family), spec, dtypeKey) };
}

async function realFolder(env: Env, folder: string, where: string): Promise<string> {
  const path = await env.fs.realPath(resolve(env.cwd, folder)).catch((error: unknown) => {
    throw modelError(
      "TS2007",
      `${where}: there is no model folder ${folder} (${reasonOf(error)}).`,
      "Give a folder on this machine; models are not downloaded.",
    );
  });
  if ((await env.fs.stat(path))?.kind === "directory") return path;
  throw modelError("TS2007", `${where}: ${folder} is not a folder.`, "Give the folder that holds config.json.");
}

function nameOf(path: string): string {
  const name = basename(path)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "");
  return name === "" ? "model" : name;
}

function sourcesOf(
  folder: string,
  keys: ReturnType<typeof sizeKeys>,
  spec: ModelSpec,
  dtypeKey: string,
): ModelReading["sources"] {
  const config = (key: string | undefined): string =>
    key === undefined ? "dense FFN" : `${join(folder, "config.json")}#${key}`;
  const headers = `safetensors headers of ${folder}`;
  return new Map<keyof ModelSpec, string>([
    ["name", folder],
    ["architecture", config("architectures")],
    ["hidden", config(keys.hidden)],
    ["intermediate", config(keys.intermediate)],
    ["layers", config(keys.layers)],
    ["experts", config(keys.experts)],
    ["topK", config(keys.topK)],
    ["activation", `${spec.architecture}`],
    ["gateThreshold", spec.gateThreshold === 0 ? `${spec.architecture}` : config("hidden_act_param")],
    ["selection", headers],
    ["predictorRanks", headers],
    ["dtype", config(dtypeKey)],
    ["density", `usual for ${spec.architecture}`],
  ]);
}
