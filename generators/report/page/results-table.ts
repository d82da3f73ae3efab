import { change, megabytes, microseconds, percent, percentFixed, times } from "../format.ts";
import type { Measurement } from "../groups.ts";
import type { Markup } from "../markup.ts";
import { resultKey } from "../record/identity.ts";
import type { LabelledRecord } from "../record/read.ts";
import { dataTable } from "./table.ts";

const numbers = "union|MB to read|time, µs|dense, µs|speed-up|GB/s|of the roof".split("|");

/** Every number that the plots of a workload show, and those that they do not. */
export function resultsTable(measurements: readonly Measurement[], records: readonly LabelledRecord[]): Markup {
  const several = records.length > 1;
  const first = new Map(
    measurements.filter(({ record }) => record === 0).map(({ result }) => [resultKey(result), result]),
  );
  const columns = [
    { title: "density", numeric: true },
    { title: "tokens", numeric: true },
    ...(several ? [{ title: "record", numeric: false }] : []),
    { title: "path", numeric: false },
    ...numbers.map((title) => ({ title, numeric: true })),
    ...(several ? [{ title: `time against ${records[0]?.label}`, numeric: true }] : []),
  ];
  const rows = measurements.map(({ record, result }) => {
    const before = first.get(resultKey(result))?.microseconds;
    const against = record === 0 || before === undefined ? "–" : change(result.microseconds / before - 1);
    return [
      percent(result.density),
      result.tokens,
      ...(several ? [records[record]?.label ?? ""] : []),
      result.path,
      percentFixed(result.unionDensity),
      megabytes(result.bytes),
      microseconds(result.microseconds),
      result.denseMicroseconds === null ? "–" : microseconds(result.denseMicroseconds),
      result.speedup === null ? "–" : times(result.speedup),
      Math.round(result.gigabytesPerSecond),
      percentFixed(result.roofShare),
      ...(several ? [against] : []),
    ];
  });
  return dataTable("All results", columns, rows);
}
