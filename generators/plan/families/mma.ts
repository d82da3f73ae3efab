/** Rows of an mma.m16n8k16, and its columns, which are tokens. */
export const tileRows = 16;
const tileTokens = 8;

/** Registers of a thread for the sums of `tiles` 16-row tiles of so many tokens. */
export const accumulators = (tiles: number, tokens: number): number => 4 * tiles * (tokens / tileTokens);
