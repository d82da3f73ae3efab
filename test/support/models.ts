import type { Shapes } from "./model-folder.ts";

/** A model small enough to read and large enough to be legal. */
export const tiny = { hidden: 256, intermediate: 96, layers: 2 };

const ranks = [64, 128];

/** Tensors of a dense model in the naming that Llama, Qwen2, MiniCPM and Bamboo share. */
export function denseShapes({ hidden, intermediate, layers } = tiny, withPredictor = false): Shapes {
  const shapes: Record<string, readonly number[]> = { "model.embed_tokens.weight": [100, hidden] };
  for (let layer = 0; layer < layers; layer++) {
    const mlp = `model.layers.${layer}.mlp`;
    shapes[`${mlp}.gate_proj.weight`] = [intermediate, hidden];
    shapes[`${mlp}.up_proj.weight`] = [intermediate, hidden];
    shapes[`${mlp}.down_proj.weight`] = [hidden, intermediate];
    if (!withPredictor) continue;
    const rank = ranks[layer % ranks.length] ?? 64;
    shapes[`${mlp}.predictor.fc1.weight`] = [rank, hidden];
    shapes[`${mlp}.predictor.fc2.weight`] = [intermediate, rank];
  }
  return shapes;
}

/** Tensors of an MoE; `names` are gate, up and down. */
export function moeShapes(
  names: readonly [string, string, string],
  experts: number,
  withPredictor: boolean,
  { hidden, intermediate, layers } = tiny,
): Shapes {
  const shapes: Record<string, readonly number[]> = {};
  for (let layer = 0; layer < layers; layer++) {
    for (let expert = 0; expert < experts; expert++) {
      const prefix = `model.layers.${layer}.block_sparse_moe.experts.${expert}`;
      shapes[`${prefix}.${names[0]}.weight`] = [intermediate, hidden];
      shapes[`${prefix}.${names[1]}.weight`] = [intermediate, hidden];
      shapes[`${prefix}.${names[2]}.weight`] = [hidden, intermediate];
      if (!withPredictor) continue;
      const rank = ranks[layer % ranks.length] ?? 64;
      shapes[`${prefix}.predictor.fc1.weight`] = [rank, hidden];
      shapes[`${prefix}.predictor.fc2.weight`] = [intermediate, rank];
    }
  }
  return shapes;
}

const dense = {
  hidden_size: tiny.hidden,
  intermediate_size: tiny.intermediate,
  num_hidden_layers: tiny.layers,
  torch_dtype: "bfloat16",
};

/** config.json of each supported family, cut to what is read. */
export const configs = {
  bamboo: { ...dense, architectures: ["BambooForCausalLM"], model_type: "bamboo", hidden_act: "relu" },
  mixtral: {
    ...dense,
    architectures: ["TurboSparseMixtralForCausalLM"],
    model_type: "turbosparsemixtral",
    hidden_act: "relu",
    num_local_experts: 4,
    num_experts_per_tok: 2,
  },
  qwen2: { ...dense, architectures: ["Qwen2ForCausalLM"], model_type: "qwen2", hidden_act: "relu" },
  llama: {
    ...dense,
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    hidden_act: "relu",
    torch_dtype: "float16",
  },
  prosparse: {
    ...dense,
    architectures: ["SparseLlamaForCausalLM"],
    model_type: "sparsellama",
    hidden_act: "fatrelu",
    hidden_act_param: 0.01,
  },
  minicpm: {
    ...dense,
    architectures: ["MiniCPMForCausalLM"],
    model_type: "minicpm",
    hidden_act: "fatrelu",
    hidden_act_param: 0.03,
    num_experts: 0,
  },
  smallThinker: {
    architectures: ["SmallThinkerForCausalLM"],
    hidden_size: tiny.hidden,
    num_hidden_layers: tiny.layers,
    moe_ffn_hidden_size: tiny.intermediate,
    moe_num_primary_experts: 4,
    moe_num_active_primary_experts: 2,
    moe_layer_layout: [1, 1],
    dtype: "bfloat16",
  },
} as const;
