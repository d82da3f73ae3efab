import { element, type Markup } from "../markup.ts";
import type { Axis } from "./axis.ts";
import { type Canvas, drawAxes } from "./draw-axes.ts";
import { drawLabels, type Label, labelWidth } from "./draw-labels.ts";
import { drawSeries } from "./draw-series.ts";
import { seriesClass } from "./series-style.ts";
import type { Plot, Reference, Series } from "./types.ts";

const sizes = { large: { width: 560, height: 340 }, small: { width: 380, height: 260 } } as const;

/** Between the frame and the outermost values, so that no marker is drawn over the frame. */
const inset = 12;

/** In pixels. */
export function plotSize({ small }: Plot): { readonly width: number; readonly height: number } {
  return small ? sizes.small : sizes.large;
}

/** One plot as SVG that needs nothing but a style sheet. */
export function drawPlot(plot: Plot): Markup {
  const { width, height } = plotSize(plot);
  const labels = [...plot.series, ...plot.references].map(({ label }) => label);
  const canvas: Canvas = { left: 48, right: width - labelWidth(labels), top: 30, bottom: height - 44 };
  const points = plot.series.flatMap((series) => series.points);
  const x = plot.x(
    points.map((point) => point.x),
    [canvas.left + inset, canvas.right - inset],
  );
  const ends = plot.references.flatMap(({ at }) => x.domain.map(at));
  const y = plot.y([...points.map((point) => point.y), ...ends], [canvas.bottom - inset, canvas.top + inset]);
  const names = { title: `${plot.id}-title`, description: `${plot.id}-description` };
  return element(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": `${names.title} ${names.description}` },
    element("title", { id: names.title }, plot.title),
    element("desc", { id: names.description }, plot.description),
    drawAxes(canvas, x, y),
    plot.references.map((reference) => drawReference(reference, x, y)),
    plot.series.map((series) => drawSeries(series, plot.joined, x, y)),
    drawLabels(canvas, [
      ...plot.series.map((series) => seriesLabel(series, x, y)),
      ...plot.references.map((reference) => referenceLabel(reference, x, y)),
    ]),
  );
}

function drawReference({ at }: Reference, x: Axis, y: Axis): Markup {
  const [from, to] = x.domain;
  const ends = { x1: x.position(from), y1: y.position(at(from)), x2: x.position(to), y2: y.position(at(to)) };
  return element("line", { class: "reference", ...ends });
}

function referenceLabel({ label, at }: Reference, x: Axis, y: Axis): Label {
  const [, to] = x.domain;
  return { text: label, className: "reference", x: x.position(to), y: y.position(at(to)) };
}

function seriesLabel({ label, style, points }: Series, x: Axis, y: Axis): Label {
  const last = points.at(-1);
  return {
    text: label,
    className: seriesClass(style),
    x: last === undefined ? 0 : x.position(last.x),
    y: last === undefined ? 0 : y.position(last.y),
  };
}
