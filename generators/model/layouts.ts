/** Checkpoint names of one FFN's tensors, in the terms of `down(act(gate(x), up(x)))`. */
export interface TensorLayout {
  /** Everything that the names of one layer's FFN or MoE begin with. */
  readonly block: (layer: number) => string;
  /** What the names of one expert begin with; the block itself where there are no experts. */
  readonly expert: (layer: number, expert: number) => string;
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

/** Predictor tensors lie beside the FFN's in every released checkpoint. */
export const predictorFc1 = "predictor.fc1.weight";
export const predictorFc2 = "predictor.fc2.weight";

export const denseLayout: TensorLayout = {
  block: (layer) => `model.layers.${layer}.mlp.`,
  expert: (layer) => `model.layers.${layer}.mlp.`,
  gate: "gate_proj.weight",
  up: "up_proj.weight",
  down: "down_proj.weight",
};

const moe = {
  block: (layer: number) => `model.layers.${layer}.block_sparse_moe.`,
  expert: (layer: number, expert: number) => `model.layers.${layer}.block_sparse_moe.experts.${expert}.`,
};

/** Mixtral's w1 is the gate, w3 the up and w2 the down projection. */
export const mixtralLayout: TensorLayout = { ...moe, gate: "w1.weight", up: "w3.weight", down: "w2.weight" };

export const smallThinkerLayout: TensorLayout = { ...moe, gate: "gate.weight", up: "up.weight", down: "down.weight" };
