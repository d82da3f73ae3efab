import { element, type Markup } from "../markup.ts";
import type { Axis } from "./axis.ts";

/** The frame that the values are drawn in, in pixels of the SVG. */
export interface Canvas {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Grid lines with their values, and what the axes are; the title of y stands above it, where it reads without turning. */
export function drawAxes(canvas: Canvas, x: Axis, y: Axis): Markup {
  const { left, right, top, bottom } = canvas;
  return element(
    "g",
    { class: "axes" },
    x.ticks.map(({ value, label }) => {
      const at = x.position(value);
      return [
        element("line", { class: "grid", x1: at, y1: top, x2: at, y2: bottom }),
        element("text", { x: at, y: bottom + 16, "text-anchor": "middle" }, label),
      ];
    }),
    y.ticks.map(({ value, label }) => {
      const at = y.position(value);
      return [
        element("line", { class: "grid", x1: left, y1: at, x2: right, y2: at }),
        element("text", { x: left - 7, y: at + 4, "text-anchor": "end" }, label),
      ];
    }),
    element("line", { class: "base", x1: left, y1: bottom, x2: right, y2: bottom }),
    element("text", { class: "axis-title", x: (left + right) / 2, y: bottom + 36, "text-anchor": "middle" }, x.title),
    element("text", { class: "axis-title", x: 4, y: top - 14 }, y.title),
  );
}
