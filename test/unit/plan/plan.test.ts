import { expect, test } from "vitest";
import type { ResolvedConfig } from "../../../generators/config/types.ts";
import { instanceName } from "../../../generators/plan/names.ts";
import { explain, plan } from "../../../generators/plan/plan.ts";
import type { KernelInstance } from "../../../generators/plan/types.ts";
import { denseModel, gateFirstModel, moeModel, resolvedConfig } from "../../support/resolved-config.ts";

/** Family, role or rows, and token variants of every kernel that a plan builds, for one architecture. */
function built(config: Partial<ResolvedConfig>): Record<string, number[]> {
  const kinds: Record<string, number[]> = {};
  for (const instance of plan(resolvedConfig(config)).instances) {
    const kind = kindOf(instance);
    kinds[kind] = [...(kinds[kind] ?? []), "tokens" in instance ? instance.tokens : 0].sort((a, b) => a - b);
  }
  return kinds;
}

function kindOf(instance: KernelInstance): string {
  if (instance.family === "ffn_stream") return `ffn_stream ${instance.rows}`;
  return instance.family === "row_gemm" ? `row_gemm ${instance.role}` : instance.family;
}

const rowTiles = (config: Partial<ResolvedConfig>, role: string, tokens: number) =>
  plan(resolvedConfig(config)).instances.flatMap((i) =>
    i.family === "row_gemm" && i.role === role && i.tokens === tokens ? [i.rowTiles] : [],
  );

test("a predictor model gets its predictor and whole neurons, nothing of the gate-first path", () => {
  expect(built({ models: [denseModel()] })).toEqual({
    "ffn_stream 3": [1, 2, 4],
    "row_gemm fc1": [8, 16, 32, 64],
    "row_gemm select": [8, 16, 32, 64],
    "row_gemm gate_up": [8, 16, 32, 64],
    union_down: [8, 16, 32, 64],
    support: [0],
  });
});

test("a gate-first model also gets the kernels for a mask that is given", () => {
  expect(built({ models: [gateFirstModel()] })).toEqual({
    "ffn_stream 2": [1, 2, 4],
    "ffn_stream 3": [1, 2, 4],
    "row_gemm gate": [8, 16, 32, 64],
    "row_gemm gate_up": [8, 16, 32, 64],
    "row_gemm up": [8, 16, 32, 64],
    union_down: [8, 16, 32, 64],
    support: [0],
  });
});

test.each([
  [1, 1, { "ffn_stream 3": [1], "row_gemm fc1": [8], "row_gemm select": [8], support: [0] }],
  [3, 3, { "ffn_stream 3": [4], "row_gemm fc1": [8], "row_gemm select": [8], support: [0] }],
  [
    9,
    20,
    {
      "row_gemm fc1": [16, 32],
      "row_gemm select": [16, 32],
      "row_gemm gate_up": [16, 32],
      union_down: [16, 32],
      support: [0],
    },
  ],
])("calls of %i to %i tokens get no other variants", (min, max, kinds) => {
  expect(built({ tokens: { min, max } })).toEqual(kinds);
});

test("a row too wide for ffn_stream is served by the tensor core kernels from one token on", () => {
  const wide = denseModel({ hidden: 8192 });
  expect(built({ models: [wide], tokens: { min: 1, max: 4 } })).toEqual({
    "ffn_stream 3": [1, 2],
    "row_gemm fc1": [8],
    "row_gemm select": [8],
    "row_gemm gate_up": [8],
    union_down: [8],
    support: [0],
  });
  expect(built({ models: [wide], archs: ["sm_86"], tokens: { min: 1, max: 4 } })).not.toHaveProperty("ffn_stream 3");
});

test("expected density and tokens decide how many rows a tile has", () => {
  const sparse = { models: [denseModel({ density: 0.02 })] };
  expect(rowTiles(sparse, "gate_up", 16)).toEqual([1]);
  expect(rowTiles(sparse, "gate_up", 64)).toEqual([2]);
  expect(rowTiles({ models: [denseModel({ density: 0.3 })] }, "gate_up", 16)).toEqual([2]);
});

test("expected experts decide too: a small hidden layer is one tile each, eight of them fill the GPU", () => {
  expect(rowTiles({ models: [denseModel()] }, "fc1", 16)).toEqual([1]);
  expect(rowTiles({ models: [moeModel()] }, "fc1", 16)).toEqual([2]);
});

test("a shard has its share of the neurons, and so other tiles", () => {
  const { shards } = plan(resolvedConfig({ tensorParallel: [1, 8] }));
  expect(shards.map(({ tensorParallel, intermediate }) => [tensorParallel, intermediate])).toEqual([
    [1, 14336],
    [8, 1792],
  ]);
  expect(rowTiles({ tensorParallel: [8] }, "select", 8)).toEqual([1]);
  expect(rowTiles({ tensorParallel: [1, 8] }, "select", 8)).toEqual([2]);
});

test("models that share a kernel get one, decided for both", () => {
  const config = resolvedConfig({ models: [denseModel(), denseModel({ name: "another", density: 0.02 })] });
  const { instances, decisions } = plan(config);
  expect(instances).toEqual(plan(resolvedConfig()).instances);
  expect(new Set(decisions.map(({ models }) => models.join()))).toEqual(new Set(["another,turbosparse-mistral-7b"]));
});

test("the largest rank of a model, rounded up, is the length of select's rows", () => {
  const { instances } = plan(resolvedConfig({ models: [denseModel({ predictorRanks: [64, 1088, 128] })] }));
  const depths = instances.flatMap((i) => (i.family === "row_gemm" && i.role === "select" ? [i.depth] : []));
  expect(new Set(depths)).toEqual(new Set([1088]));
});

test("instances are sorted by name and unique, and each was chosen once", () => {
  const { instances, decisions } = plan(
    resolvedConfig({ models: [moeModel(), gateFirstModel(), denseModel()], archs: ["sm_90a", "sm_80"] }),
  );
  const names = instances.map(instanceName);
  expect(names).toEqual([...new Set(names)].sort());
  expect(decisions.filter(({ verdict }) => verdict === "chosen").length).toBe(names.length);
});

test("an engine that is not known is an error that says where it is named and what there is", () => {
  const origins = new Map([["engines", { source: "file", detail: "turbosparse.yaml:7:5" } as const]]);
  expect(() => plan(resolvedConfig({ engines: ["vlm"], origins }))).toThrow(
    expect.objectContaining({
      code: "TS3001",
      exit: "usage",
      message: 'turbosparse.yaml:7:5: unknown engine "vlm".',
      hint: expect.stringContaining('Did you mean "vllm"? Known engines: vllm'),
    }),
  );
});

test("a shape that no tensor core configuration serves is an error, and explain still says why", () => {
  const config = resolvedConfig({ models: [denseModel({ hidden: 4104 })] });
  expect(() => plan(config)).toThrow(
    expect.objectContaining({ code: "TS3002", exit: "usage", message: expect.stringContaining("d4104") }),
  );
  const reasons = explain(config).flatMap(({ family, reason }) => (family === "row_gemm" ? [reason] : []));
  expect(reasons).toContain("Rows cannot be read in chunks of 64 elements: 4104 is no multiple of it.");
});

test("a ring with room for seven neurons takes six where it hands them out in pairs", () => {
  const { instances } = plan(resolvedConfig({ models: [denseModel({ hidden: 5120 })], tokens: { min: 1, max: 4 } }));
  const stages = instances.flatMap((i) => (i.family === "ffn_stream" ? [[i.tokens, i.stages]] : []));
  expect(stages).toEqual([
    [1, 6],
    [2, 6],
    [4, 7],
  ]);
});
