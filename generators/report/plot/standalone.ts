import { element, styleElement } from "../markup.ts";
import { drawPlot, plotSize } from "./draw.ts";
import { darkPalette, lightPalette, plotRules } from "./style.ts";
import type { Plot } from "./types.ts";

const style = `:root { ${lightPalette} }
@media (prefers-color-scheme: dark) { :root { ${darkPalette} } }
svg { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
.ground { fill: var(--ground); }
${plotRules}`;

/** One plot as an SVG file that needs nothing else, with a ground of its own so that it can be read on any page. */
export function standalonePlot(plot: Plot): string {
  const { width, height } = plotSize(plot);
  return element(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, width, height },
    element("title", {}, plot.title),
    styleElement(style),
    element("rect", { class: "ground", width, height }),
    drawPlot(plot),
  ).html;
}
