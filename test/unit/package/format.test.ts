import { describe, expect, it } from "vitest";
import { formatBytes, formatTable } from "../../../generators/package/format.ts";
import { summaryText } from "../../../generators/package/summary.ts";

describe("formatting", () => {
  it("aligns columns and leaves no space at the end of a line", () => {
    expect(
      formatTable([
        ["a", "bbb", "c"],
        ["aaaa", "b", ""],
      ]),
    ).toBe("a     bbb  c\naaaa  b\n");
    expect(formatTable([])).toBe("");
  });

  it("writes sizes for people", () => {
    expect([0, 999, 1000, 830_885, 2.6e6, 5e15].map(formatBytes)).toEqual([
      "0 B",
      "999 B",
      "1.0 kB",
      "830.9 kB",
      "2.6 MB",
      "5000.0 TB",
    ]);
  });
});

describe("summaryText", () => {
  it("says what was made, how much was compiled, and the share of time that was neither toolchain nor compiler", () => {
    const outcome = {
      wheel: { path: "/w/dist/a.whl", name: "a.whl", bytes: 1000, sha256: "f".repeat(64) },
      upToDate: false,
      kernels: 3,
      units: { compiled: 2, reused: 5 },
      toolchainMs: 1000,
      compilerMs: 88_000,
    };
    const [head, row, counts, times] = summaryText(outcome, 90_000).split("\n");
    expect(head).toMatch(/^name +size +time +sha256$/);
    expect(row).toBe(`a.whl  1.0 kB  90.0 s  ${"f".repeat(64)}`);
    expect(counts).toBe("3 kernels in 7 units: 2 compiled, 5 from the cache");
    expect(times).toBe("toolchain 1.0 s, compilers 88.0 s, all else 1.0 s (1.1%)");
  });
});
