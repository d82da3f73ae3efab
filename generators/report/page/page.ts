import { type Group, groupResults, recordsOf } from "../groups.ts";
import { type Child, element, htmlDocument, type Markup, styleElement } from "../markup.ts";
import { drawPlot } from "../plot/draw.ts";
import type { Plot } from "../plot/types.ts";
import { rooflinePlots } from "../plots/roofline.ts";
import { speedupPlots } from "../plots/speedup.ts";
import { operatorTitle, shapeText } from "../record/describe.ts";
import type { LabelledRecord } from "../record/read.ts";
import { machinesTable } from "./machines.ts";
import { resultsTable } from "./results-table.ts";
import { style } from "./style.ts";
import { sectionId, summaryTable } from "./summary.ts";

const title = "turbosparse bench";

/** No script, and nothing fetched: the browser holds the page to it, whatever a record may contain. */
const policy = "default-src 'none'; style-src 'unsafe-inline'";

/** The report on some records as one HTML page that needs nothing else. Same records, same bytes. */
export function reportPage(records: readonly LabelledRecord[]): string {
  const groups = groupResults(records);
  const labels = records.map(({ label }) => label).join(", ");
  return htmlDocument(
    [
      element("meta", { charset: "utf-8" }),
      element("meta", { "http-equiv": "Content-Security-Policy", content: policy }),
      element("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
      element("title", {}, `${title}: ${labels}`),
      styleElement(style),
    ],
    [
      element("header", {}, element("h1", {}, title), machinesTable(records)),
      element("main", {}, groups.length === 0 ? nothingMeasured() : content(groups, records)),
    ],
  );
}

function content(groups: readonly Group[], records: readonly LabelledRecord[]): Child {
  return [
    summaryTable(groups, records),
    element(
      "p",
      { class: "note" },
      "Times are of one layer, in a CUDA graph over layers with weights of their own; results were compared with " +
        "float64 before they were timed. Filled markers ran sparse kernels, hollow ones the operator’s dense path. The " +
        "roof is the measured bandwidth of a copy.",
    ),
    groups.map((group, index) => workloadSection(group, sectionId(index), records)),
  ];
}

function nothingMeasured(): Markup {
  return element("p", { class: "note" }, "No results were recorded.");
}

function workloadSection(group: Group, id: string, records: readonly LabelledRecord[]): Markup {
  const labels = records.map(({ label }) => label);
  const plots = [...speedupPlots(id, group, labels), ...rooflinePlots(id, group, records)];
  const own = recordsOf(group).map((record) => labels[record]);
  return element(
    "section",
    { id },
    element("h2", {}, operatorTitle(group.workload)),
    element("p", { class: "shape" }, [
      shapeText(group.workload),
      own.length < records.length ? ` (only in ${own.join(", ")})` : "",
    ]),
    figures(
      "plots small",
      plots.filter(({ small }) => small),
    ),
    figures(
      "plots",
      plots.filter(({ small }) => !small),
    ),
    resultsTable(group.measurements, records),
  );
}

function figures(className: string, plots: readonly Plot[]): Child {
  if (plots.length === 0) return [];
  const drawn = plots.map((plot) => element("figure", {}, element("figcaption", {}, plot.title), drawPlot(plot)));
  return element("div", { class: className }, drawn);
}
