import type { Markup } from "../markup.ts";
import type { LabelledRecord } from "../record/read.ts";
import { dataTable } from "./table.ts";

/** Digits of a digest that tell two apart; the record has the others. */
const digits = 12;

/** Where each record was measured, and with what. */
export function machinesTable(records: readonly LabelledRecord[]): Markup {
  const titles = "record|GPU|copy, GB/s|driver|CUDA|torch|turbosparse|built for|nvcc|commit|kernel sources|results";
  const numeric = ["copy, GB/s", "results"];
  return dataTable(
    "Machines and versions",
    titles.split("|").map((title) => ({ title, numeric: numeric.includes(title) })),
    records.map(({ label, record }) => [
      label,
      record.gpu,
      Math.round(record.copyGigabytesPerSecond),
      record.driver ?? "unknown",
      record.cuda,
      record.torch,
      record.turbosparse,
      record.archs.join(", "),
      record.nvcc,
      record.commit?.slice(0, digits) ?? "unknown",
      record.sourcesSha256.slice(0, digits),
      record.results.length,
    ]),
  );
}
