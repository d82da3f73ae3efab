import { percent, times } from "../../generators/report/format.ts";
import { doublingsAxis, shareAxis, speedupAxis, tokensAxis } from "../../generators/report/plot/axis.ts";
import type { Plot, Series } from "../../generators/report/plot/types.ts";
import type { BenchResult } from "../../generators/report/record/schema.ts";
import type { ServingRecord } from "./serving-record.ts";

/** What one line of a plot of layers, or one row of its table, is of. */
export interface LayerLine {
  /** At most 16 characters, for the margin of a plot. */
  readonly label: string;
  /** In the order of tokens. */
  readonly results: readonly BenchResult[];
}

/** Calls that run sparse kernels have at most so many tokens. */
export const mostSparseTokens = 64;

/** Speed-up of a layer over the best dense one, by tokens. */
export function layerPlot(id: string, title: string, lines: readonly LayerLine[]): Plot {
  const series = lines.map(({ label, results }, style) => ({
    label,
    style,
    points: results
      .filter(({ tokens }) => tokens <= mostSparseTokens)
      .map(({ tokens, speedup, path }) => ({
        x: tokens,
        y: speedup ?? 1,
        dense: path === "dense",
        tooltip: `${label}: ${times(speedup ?? 1)} at ${tokens} tokens (${path})`,
      })),
  }));
  return speedupPlot(id, title, tokensAxis, series);
}

/** Speed-up of a server's decode step over its dense twin, by streams; a line for each record. */
export function servingPlot(id: string, title: string, records: readonly ServingRecord[]): Plot {
  const series = records.map((record, style) => ({
    label: `${record.unions} unions`,
    style,
    points: streams(record).map((count) => ({
      x: count,
      y: record.speedup[count] ?? 1,
      dense: false,
      tooltip: `${record.unions} unions: ${times(record.speedup[count] ?? 1)} at ${count} streams`,
    })),
  }));
  return speedupPlot(id, title, doublingsAxis("streams that decode at once"), series);
}

/** Share of the neurons that some token of a call activates, by tokens. */
export function unionPlot(
  id: string,
  title: string,
  growths: Readonly<Record<string, Readonly<Record<string, number>>>>,
): Plot {
  const series = Object.entries(growths).map(([label, growth], style) => ({
    label,
    style,
    points: Object.entries(growth).map(([tokens, share]) => ({
      x: Number(tokens),
      y: share,
      dense: false,
      tooltip: `${label}: ${percent(share)} at ${tokens} tokens`,
    })),
  }));
  const ends = series.map(
    ({ label, points }) => `${label}: ${points.map(({ x, y }) => `${percent(y)} at ${x}`).join(", ")}.`,
  );
  return {
    id,
    title,
    description: ends.join(" "),
    x: tokensAxis,
    y: shareAxis("neurons active in the union"),
    series,
    joined: true,
    references: [],
    small: false,
  };
}

/** The numbers of streams that were timed, in order. */
export function streams({ sparse }: ServingRecord): number[] {
  return Object.keys(sparse.millisecondsPerStep)
    .map(Number)
    .sort((a, b) => a - b);
}

function speedupPlot(id: string, title: string, x: Plot["x"], series: readonly Series[]): Plot {
  const lines = series.map(
    ({ label, points }) => `${label}: ${points.map(({ x, y }) => `${times(y)} at ${x}`).join(", ")}.`,
  );
  return {
    id,
    title,
    description: lines.join(" "),
    x,
    y: speedupAxis,
    series,
    joined: true,
    references: [{ label: "dense", at: () => 1 }],
    small: false,
  };
}
