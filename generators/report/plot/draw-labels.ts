import { element, type Markup } from "../markup.ts";
import type { Canvas } from "./draw-axes.ts";
import { spread } from "./spread.ts";

/** A text for the right margin, and the place in the plot that it belongs to. */
export interface Label {
  readonly text: string;
  readonly className: string;
  readonly x: number;
  readonly y: number;
}

const lineHeight = 15;
/** Room for the line that leads from a place to its label. */
const leader = 18;
/** No layout engine measures the text here: a little more than digits and lower-case letters take at 12 pixels. */
const characterWidth = 7.2;
const longest = 16;

/** Width of the right margin that holds these labels. */
export function labelWidth(texts: readonly string[]): number {
  return leader + 4 + characterWidth * Math.max(0, ...texts.map((text) => shorten(text).length));
}

/** Labels beside the ends of their lines instead of a legend to look up, moved apart where they would overlap. */
export function drawLabels(canvas: Canvas, labels: readonly Label[]): Markup {
  const tops = spread(
    labels.map(({ y }) => y),
    lineHeight,
    canvas.top,
    canvas.bottom,
  );
  return element(
    "g",
    { class: "labels" },
    labels.map(({ text, className, x, y }, index) => {
      const top = tops[index] ?? y;
      const path = `M${[x + 6, y, canvas.right, y, canvas.right + leader - 4, top].map((at) => at.toFixed(2)).join(" ")}`;
      return element(
        "g",
        { class: className },
        element("path", { class: "leader", d: path }),
        element(
          "text",
          { x: canvas.right + leader, y: top + 4 },
          shorten(text),
          shorten(text) === text ? [] : element("title", {}, text),
        ),
      );
    }),
  );
}

/** Names of records differ mostly at their ends, so the middle goes. */
function shorten(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest / 2 - 1)}…${text.slice(-longest / 2)}`;
}
