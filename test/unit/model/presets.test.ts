import { describe, expect, it } from "vitest";
import { checkLimits } from "../../../generators/model/limits.ts";
import { presets } from "../../../generators/model/presets.ts";
import { readPreset } from "../../../generators/model/read-preset.ts";

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe("presets", () => {
  it.each([...presets.values()])("$name has one legal rank a layer and legal sizes", (preset) => {
    expect(preset.predictorRanks).toHaveLength(preset.layers);
    expect(() => checkLimits(preset, preset.name)).not.toThrow();
  });

  it("spreads Mistral's ranks within the groups whose sums are known", () => {
    const ranks = presets.get("turbosparse-mistral-7b")?.predictorRanks ?? [];
    const groups = [ranks.slice(0, 9), ranks.slice(9, 10), ranks.slice(10, 20), ranks.slice(20, 30), ranks.slice(30)];
    expect(groups.map(sum)).toEqual([9728, 1024, 11264, 14976, 3328]);
    for (const group of groups) expect(Math.max(...group) - Math.min(...group)).toBeLessThanOrEqual(64);
  });

  it("carries Mixtral's ranks", () => {
    const ranks = presets.get("turbosparse-mixtral-47b")?.predictorRanks ?? [];
    expect(sum(ranks)).toBe(33152);
    expect([ranks[0], ranks[1], ranks[2], ranks[13], ranks[26], ranks[27], ranks[31]]).toEqual([
      896, 896, 1024, 1088, 1024, 1088, 1344,
    ]);
  });
});

describe("readPreset", () => {
  it("applies choices", () => {
    const choices = { name: "x", selection: "gate-first", dtype: "fp16", density: 0.5, activation: "drelu" } as const;
    expect(readPreset("turbosparse-mistral-7b", choices, "--preset").spec).toMatchObject({
      ...choices,
      predictorRanks: [],
    });
  });

  it("suggests the preset that was meant", () => {
    expect(() => readPreset("turbosparse-mistral", {}, "--preset")).toThrow(
      expect.objectContaining({
        code: "TS2008",
        message: '--preset: unknown preset "turbosparse-mistral".',
        hint: expect.stringMatching(/^Did you mean "turbosparse-mistral-7b"\?/),
      }),
    );
  });

  it("refuses an activation that the released model does not compute", () => {
    expect(() => readPreset("turbosparse-mistral-7b", { activation: "reglu" }, "here")).toThrow(
      /^here: activation "reglu"/,
    );
  });
});
