import { describe, expect, it } from "vitest";
import { parseYaml } from "../../../generators/config/document.ts";
import { starterFile } from "../../../generators/config/starter-file.ts";
import { validateConfig } from "../../../generators/config/validate.ts";
import { presets } from "../../../generators/model/presets.ts";

const mistral = [...presets.values()].slice(0, 1).map((spec) => ({ spec, from: { preset: spec.name } }));
const reglu = mistral.map(({ spec }) => ({
  spec: { ...spec, activation: "reglu", selection: "gate-first", predictorRanks: [] } as const,
  from: { path: 'odd "name": #1' },
  activation: "reglu",
}));

const parse = (text: string) => validateConfig(parseYaml(text, "f"));

describe("starterFile", () => {
  it("says only what was decided", () => {
    expect(parse(starterFile(mistral, undefined))).toEqual({
      schemaVersion: 1,
      models: [{ preset: "turbosparse-mistral-7b" }],
    });
    expect(parse(starterFile(reglu, ["sm_80", "sm_90a"]))).toEqual({
      schemaVersion: 1,
      models: [{ path: 'odd "name": #1', activation: "reglu" }],
      archs: ["sm_80", "sm_90a"],
    });
  });

  it("offers defaults that are valid once uncommented", () => {
    for (const models of [mistral, reglu]) {
      // Prose ends in a full stop; what remains are keys.
      const text = starterFile(models, undefined).replace(/^( *)# ([\w]+: .*[^.\n])$/gm, "$1$2");
      const keys = ["schemaVersion", "models", "archs", "tokens", "tensorParallel", "engines", "dtypes"];
      expect(Object.keys(parse(text))).toEqual(keys);
    }
  });
});
