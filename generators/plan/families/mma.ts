import { archLimits } from "../archs.ts";
import type { Arch, MatrixOp } from "../types.ts";

/** Rows of an mma.m16n8k16, and its columns, which are tokens. */
export const tileRows = 16;
const tileTokens = 8;
/** Rows of a wgmma. */
export const warpgroupRows = 64;

/** Tokens from which four warps that share a tile of 64 rows read less of shared memory than warps of their own do. */
const leastWarpgroupTokens = 16;

/** What multiplies rows with `tokens` tokens. */
export const matrixOpFor = (arch: Arch, tokens: number): MatrixOp =>
  tokens < leastWarpgroupTokens ? "mma" : archLimits[arch].matrixOp;

/** Registers of a thread for the sums of `tiles` 16-row tiles of so many tokens. */
export const accumulators = (tiles: number, tokens: number): number => 4 * tiles * (tokens / tileTokens);
