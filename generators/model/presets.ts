import type { ModelSpec } from "./types.ts";

const times = (count: number, rank: number): number[] => Array.from({ length: count }, () => rank);

/**
 * Predictor ranks of TurboSparse-Mistral, whose published sizes give only sums over groups of layers: 9728, 1024, 11264,
 * 14976 and 3328. Each sum is spread as evenly as multiples of 64 allow, the larger ranks last.
 */
const mistralRanks = [
  ...times(1, 1024),
  ...times(8, 1088),
  ...times(1, 1024),
  ...times(4, 1088),
  ...times(6, 1152),
  ...times(6, 1472),
  ...times(4, 1536),
  ...times(2, 1664),
];

/** Ranks by layer of TurboSparse-Mixtral; all experts of a layer agree. Their sum is 33152. */
const mixtralRanks = [...times(2, 896), ...times(11, 1024), 1088, ...times(13, 1024), ...times(4, 1088), 1344];

const specs: readonly ModelSpec[] = [
  {
    name: "turbosparse-mistral-7b",
    architecture: "BambooForCausalLM",
    hidden: 4096,
    intermediate: 14336,
    layers: 32,
    experts: 1,
    topK: 1,
    activation: "drelu",
    gateThreshold: 0,
    selection: "predictor",
    predictorRanks: mistralRanks,
    dtype: "bf16",
    density: 0.1,
  },
  {
    name: "turbosparse-mixtral-47b",
    architecture: "TurboSparseMixtralForCausalLM",
    hidden: 4096,
    intermediate: 14336,
    layers: 32,
    experts: 8,
    topK: 2,
    activation: "drelu",
    gateThreshold: 0,
    selection: "predictor",
    predictorRanks: mixtralRanks,
    dtype: "bf16",
    density: 0.15,
  },
];

/** The released TurboSparse models by name, for builds on machines that do not hold the checkpoints. */
export const presets: ReadonlyMap<string, ModelSpec> = new Map(specs.map((spec) => [spec.name, spec]));
