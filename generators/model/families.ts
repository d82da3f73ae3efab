import { modelError } from "./error.ts";
import { type HfConfig, optionalText, requiredNumber } from "./hf-config.ts";
import { denseLayout, mixtralLayout, smallThinkerLayout, type TensorLayout } from "./layouts.ts";
import type { Activation } from "./types.ts";

/** Where the sizes of the FFN stand in config.json. */
export interface SizeKeys {
  readonly intermediate: string;
  /** Absent for a dense FFN. */
  readonly experts?: string;
  readonly topK?: string;
}

/** A kind of checkpoint that this generator can read. */
export interface Family {
  /** As in config.json's `architectures`. */
  readonly architecture: string;
  readonly layout: TensorLayout;
  readonly sizes: SizeKeys;
  /** Values of `hidden_act` that mean ReLU sparsity; empty where the family has no such key. */
  readonly hiddenActs: readonly string[];
  /** Functions the family can compute, and the one meant when the user does not say. */
  readonly activations: readonly Activation[];
  readonly defaultActivation: Activation | undefined;
  readonly predictor: "required" | "optional" | "never";
  /** Share of active neurons published for the family, or a cautious figure where none is. */
  readonly density: number;
  /** Refuses variants that share the architecture's name but not its FFN. */
  readonly refuse?: (config: HfConfig) => void;
}

const dense = { layout: denseLayout, sizes: { intermediate: "intermediate_size" } } as const;
const fatReglu = { hiddenActs: ["relu", "fatrelu"], activations: ["reglu"], defaultActivation: "reglu" } as const;

export const families: readonly Family[] = [
  {
    ...dense,
    architecture: "BambooForCausalLM",
    hiddenActs: ["relu"],
    activations: ["drelu"],
    defaultActivation: "drelu",
    // TurboSparse-Mistral has predictor tensors, Bamboo-7B has not; both carry this name.
    predictor: "optional",
    density: 0.1,
  },
  {
    architecture: "TurboSparseMixtralForCausalLM",
    layout: mixtralLayout,
    sizes: { intermediate: "intermediate_size", experts: "num_local_experts", topK: "num_experts_per_tok" },
    hiddenActs: ["relu"],
    activations: ["drelu"],
    defaultActivation: "drelu",
    predictor: "required",
    density: 0.15,
  },
  {
    ...dense,
    architecture: "Qwen2ForCausalLM",
    hiddenActs: ["relu"],
    activations: ["drelu", "reglu"],
    // SparseQwen2 is dReLU, other ReLU fine-tunes are ReGLU, and their configs read alike.
    defaultActivation: undefined,
    predictor: "never",
    density: 0.15,
  },
  {
    ...dense,
    architecture: "LlamaForCausalLM",
    hiddenActs: ["relu", "fatrelu"],
    activations: ["reglu", "drelu"],
    defaultActivation: "reglu",
    predictor: "never",
    density: 0.33,
  },
  { ...dense, ...fatReglu, architecture: "SparseLlamaForCausalLM", predictor: "never", density: 0.11 },
  {
    ...dense,
    ...fatReglu,
    architecture: "MiniCPMForCausalLM",
    predictor: "never",
    density: 0.12,
    refuse: (config) => refuseCount(config, "num_experts", "MiniCPM MoE checkpoints are not supported"),
  },
  {
    architecture: "SmallThinkerForCausalLM",
    layout: smallThinkerLayout,
    sizes: {
      intermediate: "moe_ffn_hidden_size",
      experts: "moe_num_primary_experts",
      topK: "moe_num_active_primary_experts",
    },
    hiddenActs: [],
    activations: ["reglu"],
    defaultActivation: "reglu",
    predictor: "never",
    density: 0.4,
    refuse: (config) => {
      refuseCount(config, "moe_num_secondary_experts", "secondary experts are not supported");
      refuseCount(config, "moe_shared_primary_experts", "shared experts are not supported");
      const layout = config.values.moe_layer_layout;
      if (!Array.isArray(layout) || layout.every((entry) => entry === 1)) return;
      throw modelError(
        "TS2005",
        `${config.path}: "moe_layer_layout" mixes dense and MoE layers, which is not supported.`,
      );
    },
  },
];

function refuseCount(config: HfConfig, key: string, why: string): void {
  if ((config.values[key] ?? 0) === 0) return;
  throw modelError("TS2005", `${config.path}: "${key}" is ${JSON.stringify(config.values[key])}; ${why}.`);
}

/** Finds the family by `architectures`, and checks that the FFN is one with inactive neurons. */
export function familyOf(config: HfConfig): Family {
  const named = config.values.architectures;
  const architecture: unknown = Array.isArray(named) ? named[0] : undefined;
  const family = families.find((known) => known.architecture === architecture);
  if (family === undefined) {
    const found =
      architecture === undefined ? 'has no "architectures"' : `is of architecture ${JSON.stringify(architecture)}`;
    throw modelError(
      "TS2001",
      `${config.path} ${found}, which is not supported.`,
      `Supported: ${families.map((known) => known.architecture).join(", ")}.`,
    );
  }
  const hiddenAct = optionalText(config, "hidden_act");
  if (family.hiddenActs.length > 0 && (hiddenAct === undefined || !family.hiddenActs.includes(hiddenAct))) {
    const wanted = family.hiddenActs.map((name) => `"${name}"`).join(" or ");
    throw modelError(
      "TS2006",
      `${config.path}: "hidden_act" is ${JSON.stringify(hiddenAct) ?? "absent"}, expected ${wanted}.`,
      "Only models of the ReLU family have inactive neurons to skip.",
    );
  }
  family.refuse?.(config);
  return family;
}

export interface Sizes {
  readonly hidden: number;
  readonly intermediate: number;
  readonly layers: number;
  readonly experts: number;
  readonly topK: number;
}

/** Key of config.json for each size; undefined where the family has none. */
export function sizeKeys(family: Family): Readonly<Record<keyof Sizes, string | undefined>> {
  return {
    hidden: "hidden_size",
    intermediate: family.sizes.intermediate,
    layers: "num_hidden_layers",
    experts: family.sizes.experts,
    topK: family.sizes.topK,
  };
}

export function readSizes(config: HfConfig, family: Family): Sizes {
  const keys = sizeKeys(family);
  const read = (key: string | undefined): number => (key === undefined ? 1 : requiredNumber(config, key));
  return {
    hidden: read(keys.hidden),
    intermediate: read(keys.intermediate),
    layers: read(keys.layers),
    experts: read(keys.experts),
    topK: read(keys.topK),
  };
}
