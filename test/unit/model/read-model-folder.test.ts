import { rename, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readModelFolder } from "../../../generators/model/read-model-folder.ts";
import { testEnv } from "../../support/env.ts";
import { writeModel, writeShardedModel } from "../../support/model-folder.ts";
import { configs, denseShapes, moeShapes, tiny } from "../../support/models.ts";

const dense = { ...tiny, experts: 1, topK: 1 };
const moe = { ...tiny, experts: 4, topK: 2 };
const exact = { selection: "gate-first", predictorRanks: [], gateThreshold: 0, dtype: "bf16" };
const predicted = { ...exact, selection: "predictor", predictorRanks: [64, 128] };

describe("readModelFolder", () => {
  it.each([
    {
      title: "TurboSparse-Mistral by its predictor tensors",
      config: configs.bamboo,
      shapes: denseShapes(tiny, true),
      spec: { ...dense, ...predicted, architecture: "BambooForCausalLM", activation: "drelu", density: 0.1 },
    },
    {
      title: "Bamboo by their absence",
      config: configs.bamboo,
      shapes: denseShapes(),
      spec: { ...dense, ...exact, architecture: "BambooForCausalLM", activation: "drelu", density: 0.1 },
    },
    {
      title: "TurboSparse-Mixtral",
      config: configs.mixtral,
      shapes: moeShapes(["w1", "w3", "w2"], 4, true),
      spec: { ...moe, ...predicted, architecture: "TurboSparseMixtralForCausalLM", activation: "drelu", density: 0.15 },
    },
    {
      title: "ReluLLaMA as ReGLU",
      config: configs.llama,
      shapes: denseShapes(),
      spec: { ...dense, ...exact, architecture: "LlamaForCausalLM", activation: "reglu", dtype: "fp16", density: 0.33 },
    },
    {
      title: "ProSparse with its FATReLU threshold",
      config: configs.prosparse,
      shapes: denseShapes(),
      spec: {
        ...dense,
        ...exact,
        architecture: "SparseLlamaForCausalLM",
        activation: "reglu",
        gateThreshold: 0.01,
        density: 0.11,
      },
    },
    {
      title: "MiniCPM-S with its FATReLU threshold",
      config: configs.minicpm,
      shapes: denseShapes(),
      spec: {
        ...dense,
        ...exact,
        architecture: "MiniCPMForCausalLM",
        activation: "reglu",
        gateThreshold: 0.03,
        density: 0.12,
      },
    },
    {
      title: "SmallThinker",
      config: configs.smallThinker,
      shapes: moeShapes(["gate", "up", "down"], 4, false),
      spec: { ...moe, ...exact, architecture: "SmallThinkerForCausalLM", activation: "reglu", density: 0.4 },
    },
  ])("reads $title", async ({ config, shapes, spec }) => {
    const env = await testEnv();
    await writeModel(join(env.cwd, "My Model"), config, shapes);
    const reading = await readModelFolder(env, "My Model", {}, "--model");
    expect(reading.spec).toEqual({ name: "my-model", ...spec });
    expect([...reading.sources.keys()].sort()).toEqual(Object.keys(reading.spec).sort());
  });

  it("takes SparseQwen2's activation from the user", async () => {
    const env = await testEnv();
    await writeModel(join(env.cwd, "qwen"), configs.qwen2, denseShapes());
    const { spec } = await readModelFolder(env, "qwen", { activation: "drelu" }, "--model");
    expect(spec).toMatchObject({ activation: "drelu", selection: "gate-first" });
  });

  it("applies every choice", async () => {
    const env = await testEnv();
    await writeModel(join(env.cwd, "m"), configs.bamboo, denseShapes(tiny, true));
    const choices = { name: "mine", selection: "gate-first", dtype: "fp16", density: 0.2 } as const;
    const { spec } = await readModelFolder(env, "m", choices, "--model");
    expect(spec).toMatchObject({ ...choices, predictorRanks: [] });
  });

  it("lets the user override a FATReLU threshold", async () => {
    const env = await testEnv();
    await writeModel(join(env.cwd, "m"), configs.prosparse, denseShapes());
    const { spec } = await readModelFolder(env, "m", { gateThreshold: 0.02 }, "--model");
    expect(spec.gateThreshold).toBe(0.02);
  });

  it("reads shards through their index, and files behind symbolic links", async () => {
    const env = await testEnv();
    await writeShardedModel(join(env.cwd, "blobs"), configs.bamboo, denseShapes(tiny, true));
    await env.fs.makeDir(join(env.cwd, "snapshot"));
    for (const file of await env.fs.list(join(env.cwd, "blobs"))) {
      await rename(join(env.cwd, "blobs", file), join(env.cwd, "blobs", `${file}-blob`));
      await symlink(join("..", "blobs", `${file}-blob`), join(env.cwd, "snapshot", file));
    }
    await symlink("snapshot", join(env.cwd, "link"));
    const { spec } = await readModelFolder(env, "link", {}, "--model");
    expect(spec).toMatchObject({ name: "link", predictorRanks: [64, 128] });
  });

  it("reads the full-size released shapes", async () => {
    const env = await testEnv();
    const full = { hidden: 4096, intermediate: 14336, layers: 32 };
    const config = { ...configs.bamboo, hidden_size: 4096, intermediate_size: 14336, num_hidden_layers: 32 };
    await writeModel(join(env.cwd, "m"), config, denseShapes(full, true));
    const { spec } = await readModelFolder(env, "m", {}, "--model");
    expect(spec).toMatchObject(full);
    expect(spec.predictorRanks).toHaveLength(32);
  });
});
