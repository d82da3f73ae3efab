import { percentFixed, times } from "../format.ts";
import type { Group, Measurement } from "../groups.ts";
import { element, type Markup } from "../markup.ts";
import { operatorTitle, shapeText } from "../record/describe.ts";
import type { LabelledRecord } from "../record/read.ts";
import { type Column, dataTable } from "./table.ts";

/** A speed-up below this is a loss; closer to 1, two timings of the same kernel differ as much. */
const parity = 0.98;

const columns: readonly Column[] = [
  { title: "operator and shape", numeric: false },
  { title: "record", numeric: false },
  { title: "results", numeric: true },
  { title: "speed-up over dense", numeric: true },
  { title: "share of the roof", numeric: true },
  { title: `below ${times(parity)}`, numeric: true },
];

/** One row for each workload of each record, with a link to its section. */
export function summaryTable(groups: readonly Group[], records: readonly LabelledRecord[]): Markup {
  const rows = groups.flatMap(({ workload, measurements }, index) =>
    records.flatMap(({ label }, record) => {
      const own = measurements.filter((measurement) => measurement.record === record);
      if (own.length === 0) return [];
      const link = element("a", { href: `#${sectionId(index)}` }, operatorTitle(workload));
      const shape = element("div", { class: "shape" }, shapeText(workload));
      return [[[link, shape], label, ...figures(own)]];
    }),
  );
  return dataTable("Summary", columns, rows);
}

export function sectionId(index: number): string {
  return `workload-${index + 1}`;
}

function figures(measurements: readonly Measurement[]): readonly (string | number)[] {
  const speedups = measurements.flatMap(({ result }) => result.speedup ?? []);
  const shares = measurements.map(({ result }) => result.roofShare);
  return [
    measurements.length,
    rangeText(speedups, times),
    rangeText(shares, percentFixed),
    speedups.length === 0 ? "–" : speedups.filter((speedup) => speedup < parity).length,
  ];
}

function rangeText(values: readonly number[], format: (value: number) => string): string {
  if (values.length === 0) return "–";
  const [low, high] = [format(Math.min(...values)), format(Math.max(...values))];
  return low === high ? low : `${low} to ${high}`;
}
