import { describe, expect, it } from "vitest";
import { gpuRecordVerdict } from "../../../scripts/checks/gpu-record.ts";

const file = (path: string, content: unknown) => ({ path, text: JSON.stringify(content) });
const record = (sourcesSha256: string, exitCode = 0) => ({ kind: "gpu-record", sourcesSha256, exitCode });

describe("gpuRecordVerdict", () => {
  it("is content with one passing record of today's sources among older ones", () => {
    const verdict = gpuRecordVerdict([file("a.json", record("old")), file("b.json", record("new"))], "new");
    expect(verdict).toEqual({
      current: true,
      lines: ["a.json: passed, of other kernel sources", "b.json: passed, of today's kernel sources"],
    });
  });

  it("says so when every record is of other sources", () => {
    const verdict = gpuRecordVerdict([file("a.json", record("old"))], "new");
    expect(verdict.current).toBe(false);
    expect(verdict.lines.at(-1)).toMatch(/^No passing GPU record is of today's/);
  });

  it("does not count a record of failing tests", () => {
    const verdict = gpuRecordVerdict([file("a.json", record("new", 1))], "new");
    expect(verdict.current).toBe(false);
    expect(verdict.lines[0]).toBe("a.json: FAILED, of today's kernel sources");
  });

  it("does not take other measurements for records", () => {
    const verdict = gpuRecordVerdict([file("a.json", { ...record("new"), kind: "benchmark" })], "new");
    expect(verdict).toEqual({ current: false, lines: [expect.stringMatching(/^There is no GPU record/)] });
  });
});
