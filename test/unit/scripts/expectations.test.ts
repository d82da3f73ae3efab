import { readdir, readFile } from "node:fs/promises";
import { load } from "cheerio";
import { describe, expect, it } from "vitest";
import { expectations } from "../../../scripts/docs/expectations.ts";

const folder = "docs/measurements";
const files = (await readdir(folder)).filter((name) => name.endsWith(".json") && !name.includes("-serving-"));
const measurements: Record<string, string> = Object.fromEntries(
  await Promise.all(files.map(async (name) => [`${folder}/${name}`, await readFile(`${folder}/${name}`, "utf8")])),
);

const side = { vllm: "0.26.0", eager: false, prefillMilliseconds: 50, millisecondsPerStep: { 1: 4, 16: 6 } };
const serving = {
  schemaVersion: 1,
  kind: "turbosparse-serving",
  gpu: "Some GPU",
  model: "some-model",
  layers: 32,
  unions: "proxy",
  measuredDensity: 0.1,
  dense: side,
  sparse: {
    ...side,
    prefillMilliseconds: 62.5,
    millisecondsPerStep: { 1: 2, 16: 5 },
    unionByTokens: { 1: 0.1, 16: 0.5 },
  },
  speedup: { 1: 2, 16: 1.2, prefill: 0.8 },
  memoryRatio: 1.01,
};
const path = `${folder}/gpu-serving-some.json`;
const page = "docs/expectations.md";

describe("docs/expectations.md", () => {
  it("says that nothing was measured in a server where no record is of one", () => {
    const made = expectations(measurements);
    expect(made[page]).toContain("there is no record of today's kernels yet");
    expect(Object.keys(made).filter((name) => name.includes("serving"))).toEqual([]);
  });

  it("shows what a record of a server says", () => {
    const made = expectations({ ...measurements, [path]: JSON.stringify(serving) });
    expect(made[page]).toContain("| proxy | 16 | 6.00 | 5.00 | 1.20× | 50% |");
    expect(made[page]).toContain("A prefill of 2048 tokens takes 62.5 ms, the dense twin's 50 ms (0.80×).");
    const svg = load(made["docs/plots/serving-some-model-on-some-gpu.svg"] ?? "", { xml: true });
    expect(svg("svg > desc").text()).toBe("proxy unions: 2.00× at 1, 1.20× at 16.");
    expect(svg(".marker").length).toBe(2);
  });

  it("refuses a record of one side", () => {
    const { sparse: _, ...half } = serving;
    expect(() => expectations({ ...measurements, [path]: JSON.stringify(half) })).toThrow(
      `${path} is not a record of both sides by speed.py: sparse:`,
    );
  });

  it("has every plot that it shows, each readable by itself", () => {
    const made = expectations(measurements);
    const shown = [...(made[page] ?? "").matchAll(/\]\((plots\/[^)]+)\)/g)].map(([, name]) => `docs/${name}`);
    expect(shown.sort()).toEqual(
      Object.keys(made)
        .filter((name) => name.endsWith(".svg"))
        .sort(),
    );
    for (const name of shown) {
      expect(made[name]).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" /);
      expect(made[name]).not.toMatch(/url\(|@import|href/);
    }
  });
});
