import { describe, expect, it } from "vitest";
import { gpuRecordVerdict } from "../../../scripts/checks/gpu-record.ts";

const file = (path: string, content: unknown) => ({ path, text: JSON.stringify(content) });

describe("gpuRecordVerdict", () => {
  it("is content with one record of today's sources among older ones", () => {
    const verdict = gpuRecordVerdict(
      [
        file("a.json", { kind: "gpu-record", sourcesSha256: "old" }),
        file("b.json", { kind: "gpu-record", sourcesSha256: "new" }),
      ],
      "new",
    );
    expect(verdict).toEqual({
      current: true,
      lines: ["a.json: of other kernel sources", "b.json: of today's kernel sources"],
    });
  });

  it("says so when every record is of other sources", () => {
    const verdict = gpuRecordVerdict([file("a.json", { kind: "gpu-record", sourcesSha256: "old" })], "new");
    expect(verdict.current).toBe(false);
    expect(verdict.lines.at(-1)).toMatch(/^No GPU record is of today's/);
  });

  it("does not take other measurements for records", () => {
    const verdict = gpuRecordVerdict([file("a.json", { kind: "benchmark", sourcesSha256: "new" })], "new");
    expect(verdict).toEqual({ current: false, lines: [expect.stringMatching(/^There is no GPU record/)] });
  });
});
