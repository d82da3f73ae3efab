import type { Env } from "../io/env.ts";
import { parseArchs } from "./archs.ts";
import { detectArchs } from "./detect-archs.ts";
import { type LoadedConfig, loadConfig } from "./load.ts";
import { resolveModels } from "./models.ts";
import { checkTensorParallel, resolveTokens } from "./sizes.ts";
import type { ConfigOptions, Origin, ResolvedConfig } from "./types.ts";

const defaultEngines: readonly string[] = ["vllm"];
const defaultTensorParallel: readonly number[] = [1];

/** Brings flags, the configuration file, model folders and defaults together; flags win over the file. */
export async function resolveConfig(env: Env, options: ConfigOptions): Promise<ResolvedConfig> {
  const loaded = await loadConfig(env, options);
  const origins = new Map<string, Origin>();
  const models = await resolveModels(env, options, loaded, origins);
  const archs = await resolveArchs(env, options, loaded, origins);
  const engines = resolveEngines(options, loaded, origins);
  const tensorParallel = resolveTensorParallel(loaded, origins);
  const tokens = resolveTokens(loaded, origins);
  checkTensorParallel(models, tensorParallel, loaded);
  return { schemaVersion: 1, models, archs, engines, tensorParallel, tokens, origins };
}

async function resolveArchs(
  env: Env,
  options: ConfigOptions,
  loaded: LoadedConfig | undefined,
  origins: Map<string, Origin>,
): Promise<ResolvedConfig["archs"]> {
  if (options.arch !== undefined) {
    origins.set("archs", { source: "flag", detail: "--arch" });
    return parseArchs(options.arch, "--arch");
  }
  if (loaded?.file.archs !== undefined) {
    const at = loaded.document.locate(["archs"]);
    origins.set("archs", { source: "file", detail: at });
    return parseArchs(loaded.file.archs, at);
  }
  const detected = await detectArchs(env);
  origins.set("archs", detected.origin);
  return detected.archs;
}

function resolveEngines(
  options: ConfigOptions,
  loaded: LoadedConfig | undefined,
  origins: Map<string, Origin>,
): readonly string[] {
  if (options.engine !== undefined) {
    origins.set("engines", { source: "flag", detail: "--engine" });
    return sortedSet(options.engine);
  }
  if (loaded?.file.engines !== undefined) {
    origins.set("engines", { source: "file", detail: loaded.document.locate(["engines"]) });
    return sortedSet(loaded.file.engines);
  }
  origins.set("engines", { source: "default", detail: "the plain Python package and vLLM" });
  return defaultEngines;
}

function resolveTensorParallel(loaded: LoadedConfig | undefined, origins: Map<string, Origin>): readonly number[] {
  if (loaded?.file.tensorParallel === undefined) {
    origins.set("tensorParallel", { source: "default", detail: "one GPU" });
    return defaultTensorParallel;
  }
  origins.set("tensorParallel", { source: "file", detail: loaded.document.locate(["tensorParallel"]) });
  return [...new Set(loaded.file.tensorParallel)].sort((a, b) => a - b);
}

function sortedSet(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort();
}
