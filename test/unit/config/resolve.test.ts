import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { resolveConfig } from "../../../generators/config/resolve.ts";
import { presets } from "../../../generators/model/presets.ts";
import { printing, testEnv } from "../../support/env.ts";
import { writeModel } from "../../support/model-folder.ts";
import { configs, denseShapes, tiny } from "../../support/models.ts";

const mistral = "turbosparse-mistral-7b";

async function envWithFile(text: string, name = "turbosparse.yaml") {
  const env = await testEnv();
  await writeFile(join(env.cwd, name), `schemaVersion: 1\n${text}`);
  return env;
}

describe("resolveConfig without a file", () => {
  it("means both presets, every token count, one GPU and sm_90a", async () => {
    const config = await resolveConfig(await testEnv(), {});
    expect(config).toMatchObject({
      schemaVersion: 1,
      models: [...presets.values()],
      archs: ["sm_90a"],
      engines: ["vllm"],
      tensorParallel: [1],
      tokens: { min: 1, max: 64 },
    });
    expect(config.origins.get("archs")).toEqual({ source: "default", detail: "no GPU found by nvidia-smi" });
    expect(config.origins.get("models[1].hidden")).toEqual({ source: "preset", detail: "turbosparse-mixtral-47b" });
  });

  it("takes the architectures of this machine's GPUs, each once", async () => {
    const config = await resolveConfig(await testEnv({ run: printing("9.0\n8.0\n9.0\n") }), {});
    expect(config.archs).toEqual(["sm_80", "sm_90a"]);
    expect(config.origins.get("archs")?.source).toBe("machine");
  });

  it("says when this machine's GPU has no kernels", async () => {
    const config = await resolveConfig(await testEnv({ run: printing("7.5\n") }), {});
    expect(config.archs).toEqual(["sm_90a"]);
    expect(config.origins.get("archs")?.detail).toBe("no kernels for compute capability 7.5");
  });

  it("takes everything from flags", async () => {
    const env = await testEnv();
    await writeModel(join(env.cwd, "m"), configs.bamboo, denseShapes(tiny, true));
    const options = { model: ["m"], preset: [mistral], arch: ["sm_89", "sm_80"], engine: ["b", "a", "b"] };
    const config = await resolveConfig(env, options);
    expect(config.models.map((model) => model.name)).toEqual(["m", mistral]);
    expect(config.archs).toEqual(["sm_80", "sm_89"]);
    expect(config.engines).toEqual(["a", "b"]);
    expect(config.origins.get("archs")).toEqual({ source: "flag", detail: "--arch" });
    expect(config.origins.get("models[0].hidden")).toEqual({ source: "model", detail: "m/config.json#hidden_size" });
  });
});

describe("resolveConfig with a file", () => {
  it("reads turbosparse.yaml of the working folder", async () => {
    const env = await envWithFile(
      `models:\n  - preset: ${mistral}\n    name: mine\n    density: 0.2\narchs: [sm_120a]\ntokens: { max: 4 }\ntensorParallel: [4, 2, 4]\nengines: [vllm]\n`,
    );
    const config = await resolveConfig(env, {});
    expect(config).toMatchObject({
      models: [{ name: "mine", density: 0.2, hidden: 4096 }],
      archs: ["sm_120a"],
      tokens: { min: 1, max: 4 },
      tensorParallel: [2, 4],
    });
    expect(Object.fromEntries(config.origins)).toMatchObject({
      "models[0].name": { source: "file", detail: "turbosparse.yaml:4:11" },
      "models[0].density": { source: "file", detail: "turbosparse.yaml:5:14" },
      "models[0].hidden": { source: "preset", detail: mistral },
      archs: { source: "file", detail: "turbosparse.yaml:6:8" },
      "tokens.min": { source: "default" },
      "tokens.max": { source: "file", detail: "turbosparse.yaml:7:16" },
      tensorParallel: { source: "file", detail: "turbosparse.yaml:8:17" },
    });
  });

  it("finds an origin for every value", async () => {
    const config = await resolveConfig(await testEnv(), {});
    const fields = config.models.flatMap((model, index) => Object.keys(model).map((key) => `models[${index}].${key}`));
    const rest = ["archs", "engines", "tensorParallel", "tokens.min", "tokens.max"];
    expect([...config.origins.keys()].sort()).toEqual([...fields, ...rest].sort());
  });

  it("resolves model paths from the file's folder", async () => {
    const env = await testEnv();
    await mkdir(join(env.cwd, "conf"));
    await writeModel(join(env.cwd, "conf", "qwen"), configs.qwen2, denseShapes());
    await writeFile(
      join(env.cwd, "conf", "c.yaml"),
      "schemaVersion: 1\nmodels: [{ path: ./qwen, activation: drelu, gateThreshold: 0 }]\n",
    );
    const config = await resolveConfig(env, { config: "conf/c.yaml" });
    expect(config.models).toMatchObject([{ name: "qwen", activation: "drelu" }]);
    expect(config.origins.get("models[0].activation")).toEqual({ source: "file", detail: "conf/c.yaml:2:38" });
  });

  it("gives a model's own density precedence over the file's", async () => {
    const env = await envWithFile(
      `density: 0.3\nmodels:\n  - { preset: ${mistral}, density: 0.2 }\n  - preset: turbosparse-mixtral-47b\n`,
    );
    const config = await resolveConfig(env, {});
    expect(config.models.map((model) => model.density)).toEqual([0.2, 0.3]);
    expect(config.origins.get("models[1].density")).toEqual({ source: "file", detail: "turbosparse.yaml:2:10" });
  });

  it("lets flags win, and leaves turbosparse.yaml alone when they name the models", async () => {
    const env = await envWithFile("archs: [sm_80]\ntokens: { max: 8 }\n");
    expect((await resolveConfig(env, { arch: ["sm_89"] })).archs).toEqual(["sm_89"]);
    expect((await resolveConfig(env, { preset: [mistral] })).tokens.max).toBe(64);
    const both = await resolveConfig(env, { preset: [mistral], config: "turbosparse.yaml" });
    expect(both).toMatchObject({ models: [{ name: mistral }], tokens: { max: 8 } });
  });

  it("changes the dtype of every model's weights", async () => {
    const env = await envWithFile("dtypes: { weights: fp16 }\n");
    expect((await resolveConfig(env, {})).models.map((model) => model.dtype)).toEqual(["fp16", "fp16"]);
  });

  it.each<[string, string, string, RegExp]>([
    [
      "tokens that end before they begin",
      "tokens: { min: 5, max: 4 }",
      "TS1106",
      /^turbosparse.yaml:2:9: tokens.min 5/,
    ],
    [
      "an odd shard",
      "tensorParallel: [3]",
      "TS1108",
      /:2:17: 14336 neurons of turbosparse-mistral-7b do not split into 3/,
    ],
    [
      "neither path nor preset",
      "models: [{ name: x }]",
      "TS1109",
      /:2:10: models\[0\] must have either path or preset/,
    ],
    ["both path and preset", "models: [{ path: x, preset: y }]", "TS1109", /either path or preset/],
    ["an unknown preset", "models: [{ preset: x }]", "TS2008", /^turbosparse.yaml:2:10: unknown preset "x"/],
    [
      "one model twice",
      `models: [{ preset: ${mistral} }, { preset: ${mistral} }]`,
      "TS1110",
      /:2:46: two models are named/,
    ],
    ["a path to nothing", "models: [{ path: x }]", "TS2007", /^turbosparse.yaml:2:10: there is no model folder x/],
  ])("refuses %s", async (_title, text, code, message) => {
    const env = await envWithFile(text);
    await expect(resolveConfig(env, {})).rejects.toMatchObject({
      code,
      exit: "usage",
      message: expect.stringMatching(message),
    });
  });

  it.each(["nothing.yaml", "."])("refuses --config %s", async (config) => {
    await expect(resolveConfig(await testEnv(), { config })).rejects.toMatchObject({
      code: "TS1101",
      exit: "usage",
      message: expect.stringMatching(/^--config: /),
    });
  });

  it("does not speak of --config where it was not given", async () => {
    const env = await testEnv();
    await env.fs.makeDir(join(env.cwd, "turbosparse.yaml"));
    await expect(resolveConfig(env, {})).rejects.toMatchObject({
      code: "TS1101",
      message: expect.stringMatching(/^turbosparse\.yaml cannot be read/),
    });
  });
});
