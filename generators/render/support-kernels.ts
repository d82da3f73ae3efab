import { archTag } from "../plan/names.ts";
import type { SupportInstance } from "../plan/types.ts";

/** One of the kernels that a support unit holds. */
export interface SupportKernel {
  /** Of its launcher, after `launch_`, of its table, before `_table`, and of its instances. */
  readonly stem: string;
  /** Its arguments in kernels/include/turbosparse/args.h. */
  readonly args: string;
}

export const supportKernels: readonly SupportKernel[] = [
  { stem: "reduce", args: "ReduceArgs" },
  { stem: "pack_mask", args: "PackMaskArgs" },
  { stem: "pack_logits", args: "PackLogitsArgs" },
  { stem: "activate", args: "ActivateArgs" },
  { stem: "group_tokens", args: "GroupTokensArgs" },
  { stem: "sum_slots", args: "SumSlotsArgs" },
  { stem: "add_rms_norm", args: "AddRmsNormArgs" },
];

/** The function of an instance, which the dispatch tables name. */
export const supportFunction = ({ stem }: SupportKernel, { arch, dtype }: SupportInstance): string =>
  `${stem}_${archTag(arch)}_${dtype}`;
