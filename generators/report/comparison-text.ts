import { counted } from "../counted.ts";
import { formatTable } from "../package/format.ts";
import type { Change, Comparison } from "./compare.ts";
import { change, microseconds, percent } from "./format.ts";
import { operatorTitle, shapeText, sizeText } from "./record/describe.ts";
import type { LabelledRecord } from "./record/read.ts";
import type { BenchResult } from "./record/schema.ts";

/** What a sentence about slower results names; the table above it has them all. */
const named = 3;

/** A comparison for people, and below it what has no counterpart. */
export function comparisonText(comparison: Comparison, before: LabelledRecord, after: LabelledRecord): string {
  const { changes, onlyBefore, onlyAfter } = comparison;
  const head = ["operator", "shape", "tokens", "density", "before, us", "after, us", "change"];
  const rows = changes.map(({ before: earlier, after: later, change: share }) => [
    operatorTitle(later),
    shapeText(later),
    String(later.tokens),
    percent(later.density),
    microseconds(earlier.microseconds),
    microseconds(later.microseconds),
    change(share),
  ]);
  const parts = [...(rows.length === 0 ? [] : [formatTable([head, ...rows])])];
  if (onlyBefore.length > 0) parts.push(`Only in ${before.label}:\n${lines(onlyBefore)}`);
  if (onlyAfter.length > 0) parts.push(`Only in ${after.label}:\n${lines(onlyAfter)}`);
  return parts.join("\n");
}

/** `2 of 40 results are more than 5% slower: FFN, mask given (…) at 1 token, 10%: 13.7 to 15.2 us (+11.1%); …`. */
export function slowerSentence(slower: readonly Change[], total: number, limit: number): string {
  const worst = slower
    .slice(0, named)
    .map(
      ({ before, after, change: share }) =>
        `${resultText(after)}: ${microseconds(before.microseconds)} to ${microseconds(after.microseconds)} us (${change(share)})`,
    );
  const more = slower.length > named ? `; and ${counted(slower.length - named, "other")}` : "";
  const verb = slower.length === 1 ? "is" : "are";
  return `${slower.length} of ${counted(total, "result")} ${verb} more than ${percent(limit)} slower: ${worst.join("; ")}${more}.`;
}

function lines(results: readonly BenchResult[]): string {
  return results.map((result) => `  ${resultText(result)}\n`).join("");
}

function resultText(result: BenchResult): string {
  return `${operatorTitle(result)} (${shapeText(result)}) at ${sizeText(result)}`;
}
