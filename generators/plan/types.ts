import type { Activation, ModelSpec, WeightDtype } from "../model/types.ts";

/** `compute_80` is PTX that the driver compiles for any newer GPU: for tests of the portable path, not for servers. */
export const archs = ["sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a", "compute_80"] as const;
export type Arch = (typeof archs)[number];

/** How rows reach shared memory: `bulk` is cp.async.bulk with an mbarrier ring (sm_90a), `async` is cp.async. */
export type Pipe = "bulk" | "async";

/**
 * What multiplies: a warp's `mma`, or `wgmma` of four warps (sm_90a), which reads both operands from shared memory, but
 * for int8 rows, which are widened to registers, or, as `wgmma_rs`, the tokens' from registers.
 */
export type MatrixOp = "mma" | "wgmma" | "wgmma_rs";

/** Streams whole neurons through a ring and keeps the output columns in registers: 1 or 2 tokens. */
export interface FfnStreamInstance {
  readonly family: "ffn_stream";
  readonly arch: Arch;
  readonly dtype: WeightDtype;
  readonly hidden: number;
  readonly activation: Activation;
  readonly experts: number;
  /** Tokens the kernel holds in registers: 1 or 2. */
  readonly tokens: number;
  /** Rows read of a neuron: 3 (gate, up, down) or 2 (up, down; the gate values are given). */
  readonly rows: 2 | 3;
  /** Threads of a team, which works on a neuron; each owns hidden / threads columns. */
  readonly threads: number;
  /** Neurons that the ring in shared memory holds. */
  readonly stages: number;
  readonly pipe: Pipe;
}

/**
 * What a row GEMM computes of weight rows times up to 64 tokens.
 * `fc1`: predictor hidden layer. `select`: predictor output layer, threshold and mask. `gate`: gate rows, threshold,
 * mask and kept gate values. `gate_up`: gathered gate and up rows of the union. `up`: gathered up rows, gate given.
 */
export type RowGemmRole = "fc1" | "select" | "gate" | "gate_up" | "up";

/**
 * Weight rows on the M side and tokens on the N side of a matrix instruction. Producer warps bring chunks of the rows of
 * a pass through a ring to warps that own tiles of them, and that share the row length where there are fewer tiles than
 * warps.
 * Without producers every warp has a ring of its own, which it fills itself.
 */
export interface RowGemmInstance {
  readonly family: "row_gemm";
  readonly role: RowGemmRole;
  readonly arch: Arch;
  readonly dtype: WeightDtype;
  /** Of an element of the rows: 8 is int8 with a scale a row, which only `select` has. */
  readonly weightBits: 8 | 16;
  /** Length of a row: hidden, or for `select` the largest rank of the rank class. */
  readonly depth: number;
  readonly activation: Activation;
  readonly experts: number;
  /** Tokens padded to the N side: 8, 16, 32 or 64. */
  readonly tokens: number;
  /** 16-row tiles a warp owns in a pass: 1 or 2, or 4 of `wgmma_rs`. */
  readonly tiles: 1 | 2 | 4;
  /** Warps that do arithmetic. */
  readonly warps: number;
  /** Warps that copy: 0 where those that do arithmetic copy too. */
  readonly producers: number;
  /**
   * Elements of a row that a slot of the ring holds at most: a power of two, which the kernel halves as it needs, but
   * for that without producers.
   */
  readonly chunk: number;
  readonly ringBytes: number;
  readonly matrixOp: MatrixOp;
  /** Blocks that share the row length and add up their sums through each other's shared memory: 1 or 4. */
  readonly cluster: 1 | 4;
}

/** Contracts the union's activations with their down rows: columns on the M side, neurons on the K side. */
export interface UnionDownInstance {
  readonly family: "union_down";
  readonly arch: Arch;
  readonly dtype: WeightDtype;
  readonly hidden: number;
  readonly experts: number;
  readonly tokens: number;
  /** Warps that do arithmetic. */
  readonly warps: number;
  /** Warps that copy. */
  readonly producers: number;
  /** Output columns of a block: a multiple of 16 * warps that divides hidden. */
  readonly columns: number;
  /** Neurons in one stage: a multiple of 16. */
  readonly chunk: number;
  readonly stages: number;
  readonly matrixOp: MatrixOp;
}

/** Shape-independent kernels, one unit an architecture and dtype: partial sum reduction and mask packing. */
export interface SupportInstance {
  readonly family: "support";
  readonly arch: Arch;
  readonly dtype: WeightDtype;
}

export const families = ["ffn_stream", "row_gemm", "union_down", "support"] as const;
export type Family = (typeof families)[number];

export type KernelInstance = FfnStreamInstance | RowGemmInstance | UnionDownInstance | SupportInstance;

/** One configuration the planner looked at. `reason` is a sentence, also for chosen ones. */
export interface Decision {
  readonly family: Family;
  readonly arch: Arch;
  /** Model names this decision serves, sorted. */
  readonly models: readonly string[];
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly verdict: "chosen" | "rejected";
  readonly reason: string;
}

export interface BuildPlan {
  /** One entry a model and tensor-parallel size: `intermediate` is the shard's. */
  readonly shards: readonly {
    readonly model: ModelSpec;
    readonly tensorParallel: number;
    readonly intermediate: number;
  }[];
  readonly archs: readonly Arch[];
  readonly engines: readonly string[];
  /** Deduplicated over models and sorted by name, so the same input gives the same bytes. */
  readonly instances: readonly KernelInstance[];
  readonly decisions: readonly Decision[];
}
