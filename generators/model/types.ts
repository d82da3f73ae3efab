/** Element type of weights and activations on the device. */
export type WeightDtype = "bf16" | "fp16";

/** `drelu`: relu(gate) * relu(up). `reglu`: fatrelu(gate, gateThreshold) * up, ReLU being threshold 0. */
export type Activation = "drelu" | "reglu";

/** How the active neurons are found: by the checkpoint's predictor, or exactly by evaluating the gate first. */
export type Selection = "predictor" | "gate-first";

/** The shapes and the function of one model's FFN or MoE: all that the kernels depend on. */
export interface ModelSpec {
  /** Preset name, or the model folder's base name: lower case letters, digits, `-`, `.` and `_`. */
  readonly name: string;
  readonly architecture: string;
  readonly hidden: number;
  /** Neurons of one FFN, or of one expert. */
  readonly intermediate: number;
  readonly layers: number;
  /** 1 for a dense FFN. */
  readonly experts: number;
  /** Experts a token is routed to; 1 for a dense FFN. */
  readonly topK: number;
  readonly activation: Activation;
  /** 0 unless the model uses FATReLU. */
  readonly gateThreshold: number;
  readonly selection: Selection;
  /** Rank of each layer's predictor, in layer order; empty with `gate-first`. */
  readonly predictorRanks: readonly number[];
  readonly dtype: WeightDtype;
  /** Expected share of neurons of one FFN or routed expert that one token activates, in (0, 1]. */
  readonly density: number;
}
