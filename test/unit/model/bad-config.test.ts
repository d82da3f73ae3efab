import { describe, expect, it } from "vitest";
import type { ModelChoices } from "../../../generators/model/reading.ts";
import { failure } from "../../support/model-failure.ts";
import { type Shapes, writeModel } from "../../support/model-folder.ts";
import { configs, denseShapes, moeShapes, tiny } from "../../support/models.ts";

const bamboo = denseShapes(tiny, true);
const gate = "model.layers.1.mlp.gate_proj.weight";

const withTensor = (changes: Record<string, readonly number[] | undefined>, shapes: Shapes = bamboo): Shapes =>
  Object.fromEntries(
    Object.entries({ ...shapes, ...changes }).flatMap(([name, shape]) => (shape === undefined ? [] : [[name, shape]])),
  );

describe("a config that cannot be served", () => {
  const { qwen2, smallThinker, minicpm, prosparse } = configs;
  const experts = moeShapes(["gate", "up", "down"], 4, false);
  it.each<[string, object, Shapes, ModelChoices, string, RegExp]>([
    ["of another architecture", { architectures: ["OPTForCausalLM"] }, {}, {}, "TS2001", /"OPTForCausalLM"/],
    ["without an architecture", {}, {}, {}, "TS2001", /has no "architectures"/],
    [
      "with silu",
      { ...configs.llama, hidden_act: "silu" },
      {},
      {},
      "TS2006",
      /"hidden_act" is "silu", expected "relu"/,
    ],
    ["without hidden_act", { ...configs.llama, hidden_act: undefined }, {}, {}, "TS2006", /"hidden_act" is absent/],
    [
      "with a number as hidden_act",
      { ...configs.llama, hidden_act: 1 },
      {},
      {},
      "TS2004",
      /"hidden_act" must be a str/,
    ],
    [
      "without a size",
      { ...configs.bamboo, hidden_size: undefined },
      {},
      {},
      "TS2004",
      /"hidden_size" must be a number/,
    ],
    ["with a negative size", { ...configs.bamboo, num_hidden_layers: -1 }, {}, {}, "TS2303", /layers is -1/],
    ["with a zero size", { ...configs.bamboo, intermediate_size: 0 }, {}, {}, "TS2303", /intermediate size is 0/],
    ["with an absurd size", { ...configs.bamboo, intermediate_size: 131073 }, {}, {}, "TS2303", /131073/],
    ["with a broken size", { ...configs.bamboo, intermediate_size: 1.5 }, {}, {}, "TS2303", /1.5/],
    [
      "with an odd hidden size",
      { ...configs.bamboo, hidden_size: 320 },
      {},
      {},
      "TS2301",
      /320 is not a multiple of 256/,
    ],
    ["with too many experts", { ...configs.mixtral, num_local_experts: 65 }, {}, {}, "TS2303", /experts is 65/],
    ["with topK over experts", { ...configs.mixtral, num_experts_per_tok: 5 }, {}, {}, "TS2303", /routed to is 5/],
    ["in float32", { ...configs.bamboo, torch_dtype: "float32" }, {}, {}, "TS2406", /"torch_dtype" is "float32"/],
    ["without a dtype", { ...configs.bamboo, torch_dtype: undefined }, {}, {}, "TS2406", /is absent/],
    ["that cannot tell dReLU from ReGLU", qwen2, denseShapes(), {}, "TS2401", /cannot tell drelu from reglu/],
    ["that contradicts the choice", configs.bamboo, bamboo, { activation: "reglu" }, "TS2402", /contradicts Bamboo/],
    ["of dReLU with a threshold", configs.bamboo, bamboo, { gateThreshold: 0.1 }, "TS2404", /needs activation "reglu"/],
    ["of FATReLU without threshold", { ...prosparse, hidden_act_param: null }, {}, {}, "TS2403", /hidden_act_param/],
    ["with a negative threshold", { ...prosparse, hidden_act_param: -1 }, {}, {}, "TS2004", /at least 0, found -1/],
    [
      "without the predictor asked for",
      qwen2,
      denseShapes(),
      { activation: "drelu", selection: "predictor" },
      "TS2405",
      /none/,
    ],
    ["of MiniCPM MoE", { ...minicpm, num_experts: 8 }, {}, {}, "TS2005", /"num_experts" is 8/],
    ["with dense layers", { ...smallThinker, moe_layer_layout: [0, 1] }, experts, {}, "TS2005", /mixes dense and MoE/],
    ["with secondary experts", { ...smallThinker, moe_num_secondary_experts: 2 }, experts, {}, "TS2005", /secondary/],
  ])("%s", async (_title, config, shapes, choices, code, message) => {
    const error = await failure((folder) => writeModel(folder, config, shapes), choices);
    expect(error).toMatchObject({ code, exit: "usage", message: expect.stringMatching(message) });
  });

  it("names the key to set for SparseQwen2", async () => {
    const error = await failure((folder) => writeModel(folder, qwen2, denseShapes()));
    expect(error).toMatchObject({ hint: expect.stringContaining('Set the key "activation"') });
  });

  it("lists the supported architectures", async () => {
    const error = await failure((folder) => writeModel(folder, { architectures: ["X"] }, {}));
    expect(error).toMatchObject({ hint: expect.stringMatching(/^Supported: BambooForCausalLM, .*SmallThinker/) });
  });
});

describe("tensors that contradict the config", () => {
  const fc1 = "model.layers.1.mlp.predictor.fc1.weight";
  const fc2 = "model.layers.1.mlp.predictor.fc2.weight";
  const rank = (r: number) => ({ [fc1]: [r, 256], [fc2]: [96, r] });
  it.each<[string, Shapes, string, RegExp]>([
    [
      "a missing tensor",
      withTensor({ [gate]: undefined }),
      "TS2201",
      /Tensor model.layers.1.mlp.gate_proj.weight is miss/,
    ],
    [
      "a wrong shape",
      withTensor({ [gate]: [96, 128] }),
      "TS2202",
      /gate_proj.weight has shape \[96, 128\], expected \[96, 256\]/,
    ],
    ["a wrong rank of axes", withTensor({ [gate]: [96] }), "TS2202", /shape \[96\], expected \[96, 256\]/],
    [
      "a missing predictor layer",
      withTensor({ [fc1]: undefined }),
      "TS2201",
      /layers.1.mlp.predictor.fc1.weight is missing/,
    ],
    [
      "an fc2 of another rank",
      withTensor({ [fc2]: [96, 64] }),
      "TS2202",
      /fc2.weight has shape \[96, 64\], expected \[96, 128\]/,
    ],
    ["a rank that is no multiple of 64", withTensor(rank(96)), "TS2302", /layer 1 has a predictor of rank 96/],
    ["a rank of zero", withTensor(rank(0)), "TS2302", /rank 0/],
    ["an absurd rank", withTensor(rank(8256)), "TS2302", /rank 8256, expected a multiple of 64 up to 8192/],
    [
      "more layers",
      denseShapes({ ...tiny, layers: 3 }, true),
      "TS2205",
      /layers.2.mlp.gate_proj.weight, but config.json says 2 l/,
    ],
    ["a bias", withTensor({ "model.layers.1.mlp.gate_proj.bias": [96] }), "TS2204", /gate_proj.bias is a bias/],
  ])("%s", async (_title, shapes, code, message) => {
    const error = await failure((folder) => writeModel(folder, configs.bamboo, shapes));
    expect(error).toMatchObject({ code, exit: "usage", message: expect.stringMatching(message) });
  });

  it("experts of one layer with different ranks", async () => {
    const expert = "model.layers.0.block_sparse_moe.experts.3.predictor";
    const shapes = withTensor(
      { [`${expert}.fc1.weight`]: [128, 256], [`${expert}.fc2.weight`]: [96, 128] },
      moeShapes(["w1", "w3", "w2"], 4, true),
    );
    expect(await failure((folder) => writeModel(folder, configs.mixtral, shapes))).toMatchObject({
      code: "TS2202",
      message: expect.stringMatching(/experts.3.predictor.fc1.weight has shape \[128, 256\], expected \[64, 256\]/),
    });
  });

  it("more experts than the config says", async () => {
    const shapes = moeShapes(["w1", "w3", "w2"], 5, true);
    expect(await failure((folder) => writeModel(folder, configs.mixtral, shapes))).toMatchObject({
      code: "TS2205",
      message: expect.stringMatching(/experts.4.w1.weight, but config.json says 2 layers of 4 experts/),
    });
  });

  it("a Mixtral without its predictor", async () => {
    const shapes = moeShapes(["w1", "w3", "w2"], 4, false);
    expect(await failure((folder) => writeModel(folder, configs.mixtral, shapes))).toMatchObject({ code: "TS2201" });
  });

  it("quantised weights", async () => {
    expect(await failure((folder) => writeModel(folder, configs.bamboo, bamboo, "I8"))).toMatchObject({
      code: "TS2203",
      message: expect.stringMatching(/gate_proj.weight is I8/),
    });
  });
});
