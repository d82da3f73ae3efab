import { type SymbolType, symbolCircle, symbolDiamond, symbolSquare, symbolStar, symbolTriangle } from "d3-shape";

/** Colours of the style sheet, see style.ts. */
const colorCount = 6;

/** Five shapes on six colours: each of the first thirty series differs in both from its neighbours. */
const symbols: readonly SymbolType[] = [symbolCircle, symbolSquare, symbolTriangle, symbolDiamond, symbolStar];

export function seriesClass(index: number): string {
  return `series color-${(index % colorCount) + 1}`;
}

export function seriesSymbol(index: number): SymbolType {
  return symbols[index % symbols.length] ?? symbolCircle;
}
