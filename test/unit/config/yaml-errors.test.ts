import { describe, expect, it } from "vitest";
import { parseYaml } from "../../../generators/config/document.ts";
import { validateConfig } from "../../../generators/config/validate.ts";

const check = (text: string) => validateConfig(parseYaml(text, "f.yaml"));
const v1 = "schemaVersion: 1\n";

describe("a faulty turbosparse.yaml", () => {
  it.each<[string, string, string, string]>([
    ["an empty file", "", "TS1104", "f.yaml:1:1: the file must be a mapping, found null."],
    ["a list", "- 1\n", "TS1104", "f.yaml:1:1: the file must be a mapping, found a list."],
    ["no schemaVersion", "archs: [sm_80]\n", "TS1105", "f.yaml:1:1: schemaVersion must be 1."],
    ["another schemaVersion", "schemaVersion: 2\n", "TS1105", "f.yaml:1:16: schemaVersion must be 1."],
    ["an unknown key", `${v1}model: []\n`, "TS1103", 'f.yaml:2:1: unknown key "model".'],
    [
      "an unknown key of a model",
      `${v1}models:\n  - preset: x\n    gate_threshold: 1\n`,
      "TS1103",
      'f.yaml:4:5: unknown key "gate_threshold" in models[0].',
    ],
    ["an unknown key of tokens", `${v1}tokens: { mim: 1 }\n`, "TS1103", 'f.yaml:2:11: unknown key "mim" in tokens.'],
    ["a key that is a number", `${v1}1: x\n`, "TS1103", 'f.yaml:2:1: unknown key "1".'],
    [
      "an unknown arch",
      `${v1}archs: [sm_80, sm_90]\n`,
      "TS1104",
      'f.yaml:2:16: archs[1] must be one of sm_80, sm_86, sm_89, sm_90a, sm_100a, sm_120a, compute_80, found "sm_90".',
    ],
    [
      "an empty list of archs",
      `${v1}archs: []\n`,
      "TS1104",
      "f.yaml:2:8: archs must be non-empty, found an empty list.",
    ],
    ["a scalar for a list", `${v1}archs: sm_80\n`, "TS1104", 'f.yaml:2:8: archs must be a list, found "sm_80".'],
    ["a density of zero", `${v1}density: 0\n`, "TS1104", "f.yaml:2:10: density must be greater than 0, found 0."],
    ["a density above one", `${v1}density: 1.5\n`, "TS1104", "f.yaml:2:10: density must be at most 1, found 1.5."],
    ["a density in words", `${v1}density: low\n`, "TS1104", 'f.yaml:2:10: density must be a number, found "low".'],
    ["too many tokens", `${v1}tokens:\n  max: 65\n`, "TS1104", "f.yaml:3:8: tokens.max must be at most 64, found 65."],
    ["no token", `${v1}tokens:\n  min: 0\n`, "TS1104", "f.yaml:3:8: tokens.min must be at least 1, found 0."],
    [
      "half a token",
      `${v1}tokens:\n  min: 1.5\n`,
      "TS1104",
      "f.yaml:3:8: tokens.min must be a whole number, found 1.5.",
    ],
    [
      "a negative tensor-parallel size",
      `${v1}tensorParallel: [1, -2]\n`,
      "TS1104",
      "f.yaml:2:21: tensorParallel[1] must be at least 1, found -2.",
    ],
    [
      "an unknown activation",
      `${v1}models:\n- preset: x\n  activation: silu\n`,
      "TS1104",
      'f.yaml:4:15: models[0].activation must be one of drelu, reglu, found "silu".',
    ],
    [
      "a negative threshold",
      `${v1}models:\n- preset: x\n  gateThreshold: -1\n`,
      "TS1104",
      "f.yaml:4:18: models[0].gateThreshold must be at least 0, found -1.",
    ],
    [
      "an infinite threshold",
      `${v1}models:\n- preset: x\n  gateThreshold: .inf\n`,
      "TS1104",
      "f.yaml:4:18: models[0].gateThreshold must be a number, found Infinity.",
    ],
    [
      "a name in capitals",
      `${v1}models:\n- preset: x\n  name: Mine\n`,
      "TS1104",
      "f.yaml:4:9: models[0].name must be lower case letters, digits, '-', '.' and '_', beginning with a letter or digit, found \"Mine\".",
    ],
    ["no models", `${v1}models: []\n`, "TS1104", "f.yaml:2:9: models must be non-empty, found an empty list."],
    [
      "an unknown weight dtype",
      `${v1}dtypes: { weights: fp8 }\n`,
      "TS1104",
      'f.yaml:2:20: dtypes.weights must be one of bf16, fp16, found "fp8".',
    ],
    [
      "a dtype of predictors, which have kernels for each form that they can be loaded in",
      `${v1}dtypes: { predictor: int8 }\n`,
      "TS1103",
      'f.yaml:2:11: unknown key "predictor" in dtypes.',
    ],
    ["a key given twice", `${v1}density: 1\ndensity: 1\n`, "TS1102", "f.yaml:3:1: Map keys must be unique."],
    ["two documents", `${v1}---\n${v1}`, "TS1102", "f.yaml:2:1: a second document begins here."],
    [
      "a tab",
      "schemaVersion: 1\ntokens:\n\tmin: 1\n",
      "TS1102",
      expect.stringMatching(/^f.yaml:3:1: .*[Tt]abs/) as never,
    ],
    ["an open bracket", `${v1}archs: [sm_80\n`, "TS1102", expect.stringMatching(/^f.yaml:3:1: /) as never],
    ["an unknown tag", `${v1}density: !half 1\n`, "TS1102", expect.stringMatching(/^f.yaml:2:10: .*!half/) as never],
    [
      "aliases that multiply",
      `a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [${"*a,".repeat(20)}]\nc: &c [${"*b,".repeat(20)}]\nd: [${"*c,".repeat(20)}]\n`,
      "TS1102",
      expect.stringMatching(/^f.yaml:1:1: .*alias/) as never,
    ],
  ])("%s", (_title, text, code, message) => {
    expect(() => check(text)).toThrow(expect.objectContaining({ code, exit: "usage", message }));
  });

  it.each([
    [`${v1}model: []\n`, /^Did you mean "models"\? Known keys: schemaVersion, models, archs,/],
    [`${v1}models:\n- presets: x\n`, /^Did you mean "preset"\? Known keys: path, preset, name,/],
    [`${v1}archs: [sm_90]\n`, /^Did you mean "sm_90a"\?$/],
    [`${v1}tokens: {minimum: 1}\n`, /^Known keys: min, max\.$/],
  ])("%j gets a hint", (text, hint) => {
    expect(() => check(text)).toThrow(expect.objectContaining({ hint: expect.stringMatching(hint) }));
  });

  it("accepts a file that uses every key", () => {
    const text = `${v1}models:\n- path: ./m\n  name: a.b-c_1\n  activation: reglu\n  gateThreshold: 0.01\n  density: 0.1\n  selection: gate-first\n- preset: p\narchs: [sm_90a]\ndensity: 1\ntokens: {min: 1, max: 64}\ntensorParallel: [1, 2]\nengines: [vllm]\ndtypes: {weights: bf16}\n`;
    expect(Object.keys(check(text))).toHaveLength(8);
  });
});
