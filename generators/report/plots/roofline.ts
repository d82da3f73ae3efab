import { megabytes, microseconds, percent } from "../format.ts";
import { type Group, type Measurement, measuredValues, recordsOf } from "../groups.ts";
import { bytesAxis, microsecondsAxis } from "../plot/axis.ts";
import type { Plot, Reference, Series } from "../plot/types.ts";
import { sizeText } from "../record/describe.ts";
import type { LabelledRecord } from "../record/read.ts";

/** Time over the bytes that must be read, beside the time that a copy of so many bytes takes. */
export function rooflinePlots(id: string, group: Group, records: readonly LabelledRecord[]): Plot[] {
  // Dense calls of many tokens are bound by arithmetic, which this roof is not about. A call without active neurons
  // reads nothing, which has no place on a logarithmic axis.
  const shown = group.measurements.filter(({ result }) => result.path === "sparse" && result.bytes > 0);
  if (shown.length === 0) return [];
  const single = recordsOf(group).length === 1;
  const series = single ? byDensity(shown, group) : byRecord(shown, records);
  return [
    {
      id: `${id}-roofline`,
      title: "Time of sparse calls against the roofline",
      description: series.map(describe).join(" "),
      x: bytesAxis,
      y: microsecondsAxis,
      series,
      joined: single,
      references: roofs(recordsOf(group).flatMap((record) => records[record] ?? [])),
      small: false,
    },
  ];
}

function byDensity(shown: readonly Measurement[], group: Group): Series[] {
  const styles = measuredValues(group.measurements, "density");
  return measuredValues(shown, "density").map((density) =>
    toSeries(
      `${percent(density)} active`,
      styles.indexOf(density),
      shown.filter(({ result }) => result.density === density),
    ),
  );
}

function byRecord(shown: readonly Measurement[], records: readonly LabelledRecord[]): Series[] {
  return records.flatMap(({ label }, record) => {
    const own = shown.filter((measurement) => measurement.record === record);
    return own.length === 0 ? [] : [toSeries(label, record, own)];
  });
}

function toSeries(label: string, style: number, measurements: readonly Measurement[]): Series {
  const points = measurements.map(({ result }) => ({
    x: result.bytes,
    y: result.microseconds,
    dense: false,
    tooltip:
      `${label}: ${microseconds(result.microseconds)} µs for ${megabytes(result.bytes)} MB at ${sizeText(result)}, ` +
      `${percent(result.roofShare)} of the roof`,
  }));
  return { label, style, points: points.sort((a, b) => a.x - b.x || a.y - b.y) };
}

function describe({ label, points: [first, ...rest] }: Series): string {
  if (first === undefined) return "";
  const last = rest.at(-1);
  const end = last === undefined ? "" : ` to ${microseconds(last.y)} µs for ${megabytes(last.x)} MB`;
  return `${label}: ${microseconds(first.y)} µs for ${megabytes(first.x)} MB${end}.`;
}

/** One line for each bandwidth, as a rule one. */
function roofs(records: readonly LabelledRecord[]): Reference[] {
  const bandwidths = [...new Set(records.map(({ record }) => record.copyGigabytesPerSecond))].sort((a, b) => b - a);
  return bandwidths.map((bandwidth) => ({
    label: `roof ${(bandwidth / 1000).toFixed(2)} TB/s`,
    // Bytes over GB/s are nanoseconds.
    at: (bytes) => bytes / bandwidth / 1000,
  }));
}
