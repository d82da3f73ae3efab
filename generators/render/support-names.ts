import { archTag } from "../plan/names.ts";
import type { SupportInstance } from "../plan/types.ts";

/** The three functions of a support unit; the dispatch tables name them. */
export const reduceName = (i: SupportInstance): string => `reduce_${archTag(i.arch)}_${i.dtype}`;
export const packMaskName = (i: SupportInstance): string => `pack_mask_${archTag(i.arch)}_${i.dtype}`;
export const activateName = (i: SupportInstance): string => `activate_${archTag(i.arch)}_${i.dtype}`;
