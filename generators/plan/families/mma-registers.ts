/** Rows of an mma.m16n8k16. */
export const tileRows = 16;

/**
 * Estimated registers of a thread of a warp with `tiles` M-side tiles of so many tokens: the accumulators and one
 * step's operands, and 64 for addresses and what ptxas loads ahead.
 */
export function mmaRegisters(tiles: number, tokens: number): number {
  const tokenTiles = tokens / 8;
  return 4 * tiles * tokenTiles + 4 * tiles + 2 * tokenTiles + 64;
}
