/**
 * Moves labels apart that would overlap: positions at least `gap` from each other, in the order of the wishes, as close
 * to them as a downward and an upward pass bring them, and within the limits while they hold all labels.
 */
export function spread(wishes: readonly number[], gap: number, low: number, high: number): number[] {
  const order = wishes.map((_, index) => index).sort((a, b) => (wishes[a] ?? 0) - (wishes[b] ?? 0));
  const sorted = order.map((index) => wishes[index] ?? 0);
  for (let i = 0; i < sorted.length; i++) {
    sorted[i] = Math.max(sorted[i] ?? 0, i === 0 ? low : (sorted[i - 1] ?? 0) + gap);
  }
  for (let i = sorted.length - 1; i >= 0; i--) {
    sorted[i] = Math.min(sorted[i] ?? 0, i === sorted.length - 1 ? high : (sorted[i + 1] ?? 0) - gap);
  }
  const positions = new Array<number>(wishes.length).fill(0);
  for (const [rank, index] of order.entries()) positions[index] = sorted[rank] ?? 0;
  return positions;
}
