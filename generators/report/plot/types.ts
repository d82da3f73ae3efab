import type { AxisMaker } from "./axis.ts";

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Drawn hollow: the operator itself ran dense. */
  readonly dense: boolean;
  /** Shown when the pointer rests on it. */
  readonly tooltip: string;
}

/** Points of one colour and shape, in the order of x; the label stands beside the last. */
export interface Series {
  /** Chooses colour and shape, the same for the same thing in all plots of a workload. */
  readonly style: number;
  readonly label: string;
  readonly points: readonly Point[];
}

/** A straight line to compare with, from the left end of the plot to the right. */
export interface Reference {
  readonly label: string;
  readonly at: (x: number) => number;
}

/** Everything about a plot; `drawPlot` makes it SVG. */
export interface Plot {
  /** Unique in the page. */
  readonly id: string;
  /** One of many alike, drawn smaller. */
  readonly small: boolean;
  readonly title: string;
  /** What a reader who cannot see the plot is told. */
  readonly description: string;
  readonly x: AxisMaker;
  readonly y: AxisMaker;
  /** Of at least one point in all. */
  readonly series: readonly Series[];
  /** Whether a line goes through the points of a series. */
  readonly joined: boolean;
  readonly references: readonly Reference[];
}
