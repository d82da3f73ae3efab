/** Largest number of tokens of one call: one bit each in `token_bits`. */
export const maxTokens = 64;
/** Tokens that `ffn_stream` holds in registers. */
export const streamTokens = [1, 2] as const;
/** Tokens on the N side of `row_gemm` and `union_down`. */
export const gemmTokens = [8, 16, 32, 64] as const;

export interface TokenRange {
  readonly min: number;
  readonly max: number;
}

/** The variants that calls of `range` tokens are served by: each call takes the smallest that holds it. */
export function servingVariants<V extends number>(variants: readonly V[], range: TokenRange): V[] {
  return variants.filter((variant, i) => variant >= range.min && (variants[i - 1] ?? 0) < range.max);
}

/**
 * The calls of `range` that kernels of these variants do not serve: more tokens than the largest, and from the first
 * one on that is in `misfits`. Undefined when they serve all.
 */
export function unservedRange(
  range: TokenRange,
  variants: readonly number[],
  misfits: readonly number[],
): TokenRange | undefined {
  const smallestMisfit = Math.min(...misfits);
  const largestServed = Math.max(0, ...variants.filter((variant) => variant < smallestMisfit));
  const unserved = { min: Math.max(range.min, largestServed + 1), max: range.max };
  return unserved.min <= unserved.max ? unserved : undefined;
}
