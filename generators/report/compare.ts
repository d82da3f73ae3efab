import { TurboSparseError } from "../errors.ts";
import { byMeasurement, byWorkload } from "./groups.ts";
import { resultKey } from "./record/identity.ts";
import type { LabelledRecord } from "./record/read.ts";
import type { BenchResult } from "./record/schema.ts";

/** One measurement made twice. */
export interface Change {
  readonly before: BenchResult;
  readonly after: BenchResult;
  /** Of the time: 0.05 is 5% slower. */
  readonly change: number;
}

export interface Comparison {
  readonly changes: readonly Change[];
  readonly onlyBefore: readonly BenchResult[];
  readonly onlyAfter: readonly BenchResult[];
}

/** Pairs the results of two records. Records of different GPUs are refused: their times say nothing of the kernels. */
export function compareRecords(
  before: LabelledRecord,
  after: LabelledRecord,
  options: { readonly allowDifferentGpus: boolean },
): Comparison {
  if (before.record.gpu !== after.record.gpu && !options.allowDifferentGpus) {
    throw new TurboSparseError({
      code: "TS7008",
      exit: "usage",
      message: `${before.label} was measured on ${before.record.gpu}, ${after.label} on ${after.record.gpu}.`,
      hint: "Compare records of one kind of GPU, or give --allow-different-gpus.",
    });
  }
  const earlier = new Map(before.record.results.map((result) => [resultKey(result), result]));
  const later = new Set(after.record.results.map(resultKey));
  const sorted = (results: readonly BenchResult[]) => results.toSorted(byResult);
  return {
    changes: sorted(after.record.results).flatMap((result) => {
      const match = earlier.get(resultKey(result));
      if (match === undefined) return [];
      return [{ before: match, after: result, change: result.microseconds / match.microseconds - 1 }];
    }),
    onlyBefore: sorted(before.record.results.filter((result) => !later.has(resultKey(result)))),
    onlyAfter: sorted(after.record.results.filter((result) => !earlier.has(resultKey(result)))),
  };
}

/** Changes beyond the limit, the worst first. */
export function slowerThan({ changes }: Comparison, limit: number): Change[] {
  // A quotient may miss the limit by its last bits, and exactly 5% is not more than 5%.
  return changes.filter(({ change }) => change - limit > 1e-9).sort((a, b) => b.change - a.change);
}

function byResult(a: BenchResult, b: BenchResult): number {
  return byWorkload(a, b) || byMeasurement(a, b);
}
