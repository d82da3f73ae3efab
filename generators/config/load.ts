import { dirname, resolve } from "node:path";
import { TurboSparseError } from "../errors.ts";
import type { Env } from "../io/env.ts";
import type { YamlDocument } from "./document.ts";
import type { ConfigFile } from "./schema.ts";
import type { ConfigOptions } from "./types.ts";

export const configFileName = "turbosparse.yaml";

export interface LoadedConfig {
  readonly file: ConfigFile;
  readonly document: YamlDocument;
  /** Folder that relative model paths start from. */
  readonly folder: string;
}

/**
 * The file that applies: `--config`, else turbosparse.yaml in the working folder unless the models are given by flags.
 * Undefined when there is none.
 */
export async function loadConfig(env: Env, options: ConfigOptions): Promise<LoadedConfig | undefined> {
  const modelsGiven = (options.model?.length ?? 0) + (options.preset?.length ?? 0) > 0;
  if (options.config === undefined && modelsGiven) return undefined;
  const name = options.config ?? configFileName;
  const path = resolve(env.cwd, name);
  if ((await env.fs.stat(path)) === undefined) {
    if (options.config === undefined) return undefined;
    throw unreadable(`--config: there is no file ${name}`);
  }
  const text = await env.fs.readText(path).catch((error: unknown) => {
    const flag = options.config === undefined ? "" : "--config: ";
    throw unreadable(
      `${flag}${name} cannot be read (${error instanceof Error ? error.message : String(error)})`,
      error,
    );
  });
  // Loaded here: a build without a file need not wait for the YAML parser and the schema, half of its start-up.
  const [{ parseYaml }, { validateConfig }] = await Promise.all([import("./document.ts"), import("./validate.ts")]);
  const document = parseYaml(text, name);
  return { file: validateConfig(document), document, folder: dirname(path) };
}

function unreadable(message: string, cause?: unknown): TurboSparseError {
  return new TurboSparseError({
    code: "TS1101",
    exit: "usage",
    message: `${message}.`,
    hint: "Write one with `turbosparse-plugin init`, or give the models by --model or --preset.",
    cause,
  });
}
