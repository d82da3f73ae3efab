import { TurboSparseError } from "../errors.ts";
import type { Env } from "../io/env.ts";
import { readModelFolder } from "../model/read-model-folder.ts";
import { readPreset } from "../model/read-preset.ts";
import type { ModelReading } from "../model/reading.ts";
import type { ModelSpec } from "../model/types.ts";
import type { LoadedConfig } from "./load.ts";
import { type ModelRequest, requestModels } from "./model-requests.ts";
import type { ConfigOptions, Origin } from "./types.ts";

/** Reads every model that is asked for and records the origin of each of its fields. */
export async function resolveModels(
  env: Env,
  options: ConfigOptions,
  loaded: LoadedConfig | undefined,
  origins: Map<string, Origin>,
): Promise<readonly ModelSpec[]> {
  const models: ModelSpec[] = [];
  for (const request of requestModels(env, options, loaded)) {
    const { spec, sources } = await read(env, request);
    if (models.some((model) => model.name === spec.name)) throw duplicateName(spec.name, request.where);
    const source = "preset" in request.from ? "preset" : "model";
    for (const field of Object.keys(spec) as (keyof ModelSpec)[]) {
      const chosenAt = request.chosenAt.get(field);
      origins.set(
        `models[${models.length}].${field}`,
        chosenAt === undefined
          ? { source, detail: sources.get(field) ?? request.where }
          : { source: "file", detail: chosenAt },
      );
    }
    models.push(spec);
  }
  return models;
}

function read(env: Env, { from, choices, where }: ModelRequest): Promise<ModelReading> {
  if ("folder" in from) return readModelFolder(env, from.folder, choices, where);
  return Promise.resolve(readPreset(from.preset, choices, where));
}

function duplicateName(name: string, where: string): TurboSparseError {
  return new TurboSparseError({
    code: "TS1110",
    exit: "usage",
    message: `${where}: two models are named "${name}".`,
    hint: 'Give one of them another "name" in turbosparse.yaml.',
  });
}
