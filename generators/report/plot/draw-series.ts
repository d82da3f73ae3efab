import { line, symbol } from "d3-shape";
import { element, type Markup } from "../markup.ts";
import type { Axis } from "./axis.ts";
import { seriesClass, seriesSymbol } from "./series-style.ts";
import type { Series } from "./types.ts";

/** Area of a marker in square pixels. */
const markerArea = 42;

/** The line through the points of a series if they are joined, then its markers. */
export function drawSeries({ points, style }: Series, joined: boolean, x: Axis, y: Axis): Markup {
  const places = points.map((point) => ({ ...point, left: x.position(point.x), top: y.position(point.y) }));
  const path = line<(typeof places)[number]>(
    (place) => place.left,
    (place) => place.top,
  ).digits(2);
  const shape = symbol(seriesSymbol(style), markerArea).digits(2)() ?? "";
  const markers = places.map(({ left, top, dense, tooltip }) =>
    element(
      "path",
      {
        class: dense ? "marker dense" : "marker",
        d: shape,
        transform: `translate(${left.toFixed(2)} ${top.toFixed(2)})`,
      },
      element("title", {}, tooltip),
    ),
  );
  return element(
    "g",
    { class: seriesClass(style) },
    joined && places.length > 1 ? element("path", { class: "line", d: path(places) ?? "" }) : [],
    markers,
  );
}
