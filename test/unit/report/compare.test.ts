import { describe, expect, it } from "vitest";
import { compareRecords, slowerThan } from "../../../generators/report/compare.ts";
import { comparisonText, slowerSentence } from "../../../generators/report/comparison-text.ts";
import type { BenchResult } from "../../../generators/report/record/schema.ts";
import { benchRecord, benchResult } from "../../support/bench-record.ts";

const at = (tokens: number, microseconds: number) => benchResult({ tokens, microseconds });
const labelled = (label: string, results: readonly BenchResult[], gpu = "NVIDIA H200") => ({
  label,
  record: benchRecord(results, { gpu }),
});
const strict = { allowDifferentGpus: false };

describe("compareRecords", () => {
  it("pairs results by what they measure, whatever their order", () => {
    const before = labelled("a", [at(1, 10), at(2, 20), at(4, 40)]);
    const after = labelled("b", [at(8, 80), at(2, 15), at(1, 11)]);
    const { changes, onlyBefore, onlyAfter } = compareRecords(before, after, strict);
    expect(changes.map(({ after: { tokens }, change }) => [tokens, Number(change.toFixed(6))])).toEqual([
      [1, 0.1],
      [2, -0.25],
    ]);
    expect(onlyBefore.map(({ tokens }) => tokens)).toEqual([4]);
    expect(onlyAfter.map(({ tokens }) => tokens)).toEqual([8]);
  });

  it("does not pair results that differ in operator, shape or density", () => {
    const result = at(1, 10);
    const others = [
      { ...result, operator: "moe" as const },
      { ...result, shape: { ...result.shape, predictorBits: 8 as const } },
      { ...result, shape: { ...result.shape, layers: 8 } },
      { ...result, density: 0.2 },
    ];
    expect(compareRecords(labelled("a", [result]), labelled("b", others), strict).changes).toEqual([]);
  });

  it("refuses different GPUs unless they are allowed", () => {
    const [before, after] = [labelled("a", [at(1, 10)]), labelled("b", [at(1, 10)], "NVIDIA H100")];
    expect(() => compareRecords(before, after, strict)).toThrow(
      expect.objectContaining({ code: "TS7008", message: "a was measured on NVIDIA H200, b on NVIDIA H100." }),
    );
    expect(compareRecords(before, after, { allowDifferentGpus: true }).changes).toHaveLength(1);
  });
});

describe("slowerThan", () => {
  const comparison = (...times: readonly (readonly [number, number])[]) =>
    compareRecords(
      labelled(
        "a",
        times.map(([before], index) => at(index + 1, before)),
      ),
      labelled(
        "b",
        times.map(([, after], index) => at(index + 1, after)),
      ),
      strict,
    );

  it("takes what is beyond the limit, the worst first, and not what is at it", () => {
    const found = comparison([100, 105], [100, 105.01], [13.65, 14.3325], [100, 150], [100, 50]);
    expect(slowerThan(found, 0.05).map(({ after }) => after.microseconds)).toEqual([150, 105.01]);
    expect(slowerThan(found, 0)).toHaveLength(4);
  });

  it("says which they are, and how many more", () => {
    const found = comparison([100, 110], [100, 120], [100, 130], [100, 140], [100, 150], [100, 100]);
    expect(slowerSentence(slowerThan(found, 0.05), 6, 0.05)).toMatch(
      /^5 of 6 results are more than 5% slower: FFN, mask given \(4096 × 14336, .*\) at 5 tokens, 10%: 100 to 150 us \(\+50\.0%\); .*; and 2 others\.$/,
    );
    expect(slowerSentence(slowerThan(comparison([100, 110]), 0.025), 1, 0.025)).toMatch(
      /^1 of 1 result is more than 2\.5% slower: [^;]*\.$/,
    );
  });
});

describe("comparisonText", () => {
  it("lists changes and then what has no counterpart", () => {
    const before = labelled("old", [at(1, 10), at(2, 20)]);
    const after = labelled("new", [at(1, 11), at(4, 40)]);
    expect(comparisonText(compareRecords(before, after, strict), before, after).split("\n")).toEqual([
      "operator         shape                                tokens  density  before, us  after, us  change",
      "FFN, mask given  4096 × 14336, bf16 dReLU, 16 layers  1       10%      10.0        11.0       +10.0%",
      "",
      "Only in old:",
      "  FFN, mask given (4096 × 14336, bf16 dReLU, 16 layers) at 2 tokens, 10%",
      "",
      "Only in new:",
      "  FFN, mask given (4096 × 14336, bf16 dReLU, 16 layers) at 4 tokens, 10%",
      "",
    ]);
  });
});
