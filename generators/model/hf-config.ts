import { join } from "node:path";
import type { Env } from "../io/env.ts";
import { modelError, reasonOf } from "./error.ts";

/** A model's config.json. */
export interface HfConfig {
  /** Path for errors. */
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** `name` is the folder as the user wrote it. */
export async function readHfConfig(env: Env, folder: string, name: string): Promise<HfConfig> {
  const path = join(name, "config.json");
  if ((await env.fs.stat(join(folder, "config.json"))) === undefined) {
    throw modelError(
      "TS2002",
      `${path} does not exist.`,
      "Give the folder that holds config.json and the safetensors files.",
    );
  }
  const text = await env.fs.readText(join(folder, "config.json")).catch((error: unknown) => {
    throw modelError("TS2002", `${path} cannot be read (${reasonOf(error)}).`, undefined, error);
  });
  let values: unknown;
  try {
    values = JSON.parse(text);
  } catch (error) {
    throw modelError("TS2003", `${path} is not JSON (${reasonOf(error)}).`, "Download the file again.", error);
  }
  if (typeof values !== "object" || values === null || Array.isArray(values)) {
    throw modelError("TS2003", `${path} is not a JSON object.`, "Download the file again.");
  }
  return { path, values: values as Record<string, unknown> };
}

/** A size that must be there. Its range is checked with all other limits. */
export function requiredNumber(config: HfConfig, key: string): number {
  const value = config.values[key];
  if (typeof value === "number") return value;
  const found = value === undefined ? "nothing" : JSON.stringify(value);
  throw modelError("TS2004", `${config.path}: "${key}" must be a number, found ${found}.`);
}

export function optionalText(config: HfConfig, key: string): string | undefined {
  const value = config.values[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw modelError("TS2004", `${config.path}: "${key}" must be a string, found ${JSON.stringify(value)}.`);
}
