import type { ResolvedConfig } from "../../generators/config/types.ts";
import { presets } from "../../generators/model/presets.ts";
import type { ModelSpec } from "../../generators/model/types.ts";

/** A preset that must exist, changed where a test needs it. */
function presetModel(name: string, changes: Partial<ModelSpec> = {}): ModelSpec {
  const model = presets.get(name);
  if (!model) throw new Error(`no preset ${name}`);
  return { ...model, ...changes };
}

export const denseModel = (changes: Partial<ModelSpec> = {}) => presetModel("turbosparse-mistral-7b", changes);
export const moeModel = (changes: Partial<ModelSpec> = {}) => presetModel("turbosparse-mixtral-47b", changes);
export const gateFirstModel = (changes: Partial<ModelSpec> = {}) =>
  denseModel({ name: "prosparse", selection: "gate-first", predictorRanks: [], activation: "reglu", ...changes });

/** A configuration for sm_90a and the whole token range, changed where a test needs it. */
export function resolvedConfig(changes: Partial<ResolvedConfig> = {}): ResolvedConfig {
  return {
    schemaVersion: 1,
    models: [denseModel()],
    archs: ["sm_90a"],
    engines: ["vllm"],
    tensorParallel: [1],
    tokens: { min: 1, max: 64 },
    origins: new Map(),
    ...changes,
  };
}
