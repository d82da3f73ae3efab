import { type Workload, workloadKey } from "./record/identity.ts";
import type { LabelledRecord } from "./record/read.ts";
import { type BenchResult, operators } from "./record/schema.ts";

/** A result and the index of its record. */
export interface Measurement {
  readonly record: number;
  readonly result: BenchResult;
}

/** All measurements of one workload, by density, then tokens, then record. */
export interface Group {
  readonly workload: Workload;
  readonly measurements: readonly Measurement[];
}

/** Workloads in a fixed order, whatever the order of the results in their files. */
export function groupResults(records: readonly LabelledRecord[]): Group[] {
  const groups = new Map<string, Measurement[]>();
  for (const [record, { record: content }] of records.entries()) {
    for (const result of content.results) {
      const key = workloadKey(result);
      groups.set(key, [...(groups.get(key) ?? []), { record, result }]);
    }
  }
  return [...groups.values()]
    .map((measurements) => measurements.sort((a, b) => byMeasurement(a.result, b.result) || a.record - b.record))
    .flatMap((measurements) => (measurements[0] ? [{ workload: measurements[0].result, measurements }] : []))
    .sort((a, b) => byWorkload(a.workload, b.workload));
}

/** The values of a variable that were measured, in order. */
export function measuredValues(measurements: readonly Measurement[], variable: "tokens" | "density"): number[] {
  return [...new Set(measurements.map(({ result }) => result[variable]))].sort((a, b) => a - b);
}

/** The records that measured a workload, as indices. */
export function recordsOf({ measurements }: Group): number[] {
  return [...new Set(measurements.map(({ record }) => record))].sort((a, b) => a - b);
}

/** Order of results within a workload. */
export function byMeasurement(a: BenchResult, b: BenchResult): number {
  return a.density - b.density || a.tokens - b.tokens;
}

export function byWorkload(a: Workload, b: Workload): number {
  const [left, right] = [rank(a), rank(b)];
  const differs = left.findIndex((value, index) => value !== right[index]);
  if (differs >= 0) return (left[differs] ?? 0) - (right[differs] ?? 0);
  return workloadKey(a) < workloadKey(b) ? -1 : Number(workloadKey(a) !== workloadKey(b));
}

function rank({ operator, shape }: Workload): number[] {
  const { hidden, intermediate, experts, topK, predictorBits } = shape;
  return [operators.indexOf(operator), experts, hidden, intermediate, topK, predictorBits ?? 0, shape.rank ?? 0];
}
