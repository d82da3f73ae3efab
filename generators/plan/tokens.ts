/** Largest number of tokens of one call: one bit each in `token_bits`. */
export const maxTokens = 64;
/** Tokens that `ffn_stream` holds in registers. */
export const streamTokens = [1, 2, 4] as const;
/** Tokens on the N side of the tensor core kernels. */
export const gemmTokens = [8, 16, 32, 64] as const;

export const maxStreamTokens = 4;

export interface TokenRange {
  readonly min: number;
  readonly max: number;
}

/** The variants that calls of `range` tokens are served by: each call takes the smallest that holds it. */
export function servingVariants(variants: readonly number[], range: TokenRange): number[] {
  return variants.filter((variant, i) => variant >= range.min && (variants[i - 1] ?? 0) < range.max);
}

/** The part of `range` inside `low`…`high`, or undefined when they do not meet. */
export function clampRange(range: TokenRange, low: number, high: number): TokenRange | undefined {
  const clamped = { min: Math.max(range.min, low), max: Math.min(range.max, high) };
  return clamped.min <= clamped.max ? clamped : undefined;
}
