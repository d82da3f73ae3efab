import { type Child, element, type Markup } from "../markup.ts";

export interface Column {
  readonly title: string;
  /** Numbers stand right-aligned, digit under digit. */
  readonly numeric: boolean;
}

/** A table that scrolls on its own where the page is too narrow, by keyboard too. The first column heads each row. */
export function dataTable(caption: string, columns: readonly Column[], rows: readonly (readonly Child[])[]): Markup {
  const attributes = columns.map(({ numeric }) => (numeric ? { class: "number" } : {}));
  const cell = (child: Child, index: number): Markup =>
    index === 0
      ? element("th", { scope: "row", ...attributes[index] }, child)
      : element("td", { ...attributes[index] }, child);
  return element(
    "div",
    { class: "table", role: "region", "aria-label": caption, tabindex: 0 },
    element(
      "table",
      {},
      element("caption", {}, caption),
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          columns.map(({ title }, index) => element("th", { scope: "col", ...attributes[index] }, title)),
        ),
      ),
      element(
        "tbody",
        {},
        rows.map((row) => element("tr", {}, row.map(cell))),
      ),
    ),
  );
}
