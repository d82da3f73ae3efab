import { ffnStreamSharedBytes, ffnStreamThreads } from "./families/ffn-stream.ts";
import { rowGemmSharedBytes, rowGemmSlots, rowGemmThreads } from "./families/row-gemm.ts";
import { unionDownSharedBytes, unionDownThreads } from "./families/union-down.ts";
import type { KernelInstance } from "./types.ts";

/** What an instance's launcher asks for each block. */
export interface LaunchedBlock {
  readonly threads: number;
  readonly dynamicSharedBytes: number;
  /**
   * Parts of the ring in shared memory that are on their way at once; null for a kernel without a ring. A `row_gemm`
   * makes more of its own of a pass that is not full.
   */
  readonly stages: number | null;
}

/** Threads of a support kernel's block; `group_tokens` and `add_rms_norm`, a block an expert or a token, have more. */
const supportThreads = 256;

export function launchedBlock(instance: KernelInstance): LaunchedBlock {
  switch (instance.family) {
    case "ffn_stream":
      return ringed(instance, ffnStreamThreads(instance), ffnStreamSharedBytes(instance));
    case "row_gemm":
      return ringed({ stages: rowGemmSlots(instance) }, rowGemmThreads(instance), rowGemmSharedBytes(instance));
    case "union_down":
      return ringed(instance, unionDownThreads(instance), unionDownSharedBytes(instance));
    case "support":
      return { threads: supportThreads, dynamicSharedBytes: 0, stages: null };
  }
}

function ringed({ stages }: { readonly stages: number }, threads: number, dynamicSharedBytes: number): LaunchedBlock {
  return { threads, dynamicSharedBytes, stages };
}
