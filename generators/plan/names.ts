import type {
  Arch,
  FfnStreamInstance,
  KernelInstance,
  RowGemmInstance,
  SupportInstance,
  UnionDownInstance,
} from "./types.ts";

/** What a dispatch table finds an instance by: the instance without its tuned parameters. */
export type FfnStreamKey = Omit<FfnStreamInstance, "threads" | "stages" | "pipe">;
export type RowGemmKey = Omit<
  RowGemmInstance,
  "tiles" | "warps" | "producers" | "chunk" | "ringBytes" | "matrixOp" | "cluster"
>;
export type UnionDownKey = Omit<UnionDownInstance, "warps" | "producers" | "columns" | "chunk" | "stages" | "matrixOp">;
export type SupportKey = SupportInstance;
export type KernelKey = FfnStreamKey | RowGemmKey | UnionDownKey | SupportKey;

/** The architecture inside names, without its underscore: `sm90a`. */
export function archTag(arch: Arch): string {
  return arch.replace("_", "");
}

/** The translation unit of an instance: the instances that differ only in tokens and rows share one. */
export function groupName(key: KernelKey | KernelInstance): string {
  const target = `${archTag(key.arch)}_${key.dtype}`;
  switch (key.family) {
    case "ffn_stream":
      return `ffn_stream_${target}_h${key.hidden}_${key.activation}_e${key.experts}`;
    case "row_gemm":
      return `row_gemm_${key.role}_${target}${key.weightBits === 8 ? "_int8" : ""}_d${key.depth}_${key.activation}_e${key.experts}`;
    case "union_down":
      return `union_down_${target}_h${key.hidden}_e${key.experts}`;
    case "support":
      return `support_${target}`;
  }
}

/** The generated function and the row of the dispatch table. Equal exactly when the dispatch keys are equal. */
export function instanceName(key: KernelKey | KernelInstance): string {
  const group = groupName(key);
  switch (key.family) {
    case "ffn_stream":
      return `${group}_t${key.tokens}_r${key.rows}`;
    case "row_gemm":
    case "union_down":
      return `${group}_t${key.tokens}`;
    case "support":
      return group;
  }
}

/** Code-point order, which no locale changes. */
export function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
