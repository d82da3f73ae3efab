import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseRecord, readRecords } from "../../../generators/report/record/read.ts";
import { benchRecord, benchResult, benchSweep } from "../../support/bench-record.ts";
import { testEnv } from "../../support/env.ts";

/** A valid record with one value replaced, deleted when undefined. */
function altered(path: readonly (string | number)[], value: unknown): string {
  const record = JSON.parse(JSON.stringify(benchRecord([benchResult(), benchResult({ tokens: 2 })])));
  const parent = path.slice(0, -1).reduce<object>((node, key) => Reflect.get(node, key), record);
  Reflect.set(parent, path.at(-1) ?? "", value);
  return JSON.stringify(record);
}

const result = (...path: string[]) => ["results", 1, ...path];

describe("parseRecord", () => {
  it("takes what a bench writes, null where nothing was measured", () => {
    const record = benchRecord([benchResult({ operator: "predict", denseMicroseconds: null, speedup: null })]);
    expect(parseRecord("a.json", JSON.stringify(record))).toEqual(record);
  });

  it.each([
    ["no JSON", "not json", "TS7002", /^a\.json is not JSON: .*"not json"/],
    ["JSON of another shape", "[]", "TS7003", /^a\.json is not a bench record of version 1: expected object/],
    ["another version", altered(["schemaVersion"], 2), "TS7003", /version 1: schemaVersion: expected 1\.$/],
    ["another kind", altered(["kind"], "turbosparse-crossover"), "TS7003", /: kind: expected "turbosparse-bench"\.$/],
    ["a missing key", altered(["gpu"], undefined), "TS7004", /^a\.json: gpu: expected string, received undefined\.$/],
    ["an unknown key", altered(["gpus"], "x"), "TS7004", /^a\.json: unrecognized key: "gpus"\.$/],
    ["an unknown key of a result", altered(result("token"), 1), "TS7004", /^a\.json: results\[1\]: .*"token"\.$/],
    ["an unknown key of a shape", altered(result("shape", "k"), 1), "TS7004", /results\[1\]\.shape: .*"k"\.$/],
    ["a text for a number", altered(result("tokens"), "1"), "TS7004", /: results\[1\]\.tokens: expected number, rec/],
    ["an unknown operator", altered(result("operator"), "fnn"), "TS7004", /: results\[1\]\.operator: expected one of/],
    ["a density beyond 1", altered(result("density"), 10), "TS7004", /: results\[1\]\.density: too big: .*<=1\.$/],
    ["a time of 0", altered(result("microseconds"), 0), "TS7004", /: results\[1\]\.microseconds: too small/],
    ["a result that was wrong", altered(result("verified"), false), "TS7004", /results\[1\]\.verified: .*true\.$/],
    ["commands to a terminal", altered(["gpu"], "\u001b[2J"), "TS7004", /gpu: expected text without control char/],
    ["a result twice", altered(result("tokens"), 1), "TS7005", /results\[1\] measures the same .* as results\[0\]\.$/],
  ])("refuses %s", (_, text, code, message) => {
    expect(() => parseRecord("a.json", text)).toThrow(
      expect.objectContaining({ code, exit: "usage", message: expect.stringMatching(message) }),
    );
  });

  it("suggests the key that was meant", () => {
    expect(() => parseRecord("a.json", altered(result("microsecond"), 1))).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/^Did you mean "microseconds"\? /) }),
    );
  });

  it("tells shapes apart by every value", () => {
    const { shape } = benchResult();
    const shapes = [shape, { ...shape, layers: 4 }, { ...shape, rank: 64, predictorBits: 8 as const }];
    const record = benchRecord(shapes.map((other) => benchResult({ shape: other })));
    expect(parseRecord("a.json", JSON.stringify(record)).results).toHaveLength(3);
  });
});

describe("readRecords", () => {
  const text = JSON.stringify(benchRecord(benchSweep([1, 2], [0.1])));

  it("labels records by file name, and by path where names are the same", async () => {
    const env = await testEnv();
    await mkdir(join(env.cwd, "old"));
    for (const file of ["old/h200.json", "h200.json", "h100.json"]) await writeFile(join(env.cwd, file), text);
    const records = await readRecords(env, ["old/h200.json", "h200.json", "h100.json"]);
    expect(records.map(({ label }) => label)).toEqual(["old/h200.json", "h200.json", "h100"]);
  });

  it("refuses a file that is not there, and one given twice", async () => {
    const env = await testEnv();
    await writeFile(join(env.cwd, "a.json"), text);
    await expect(readRecords(env, ["b.json"])).rejects.toMatchObject({ code: "TS7001", exit: "usage" });
    await expect(readRecords(env, ["a.json", "./a.json"])).rejects.toMatchObject({
      code: "TS7007",
      message: "./a.json is given twice.",
    });
  });
});
