import { expect, test } from "vitest";
import type { ResolvedConfig } from "../../../generators/config/types.ts";
import { instanceName } from "../../../generators/plan/names.ts";
import { explain, plan } from "../../../generators/plan/plan.ts";
import type { Arch, KernelInstance } from "../../../generators/plan/types.ts";
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
  if ("rows" in instance) return `${instance.family} ${instance.rows}`;
  if (instance.family !== "row_gemm") return instance.family;
  return `row_gemm ${instance.role}${instance.weightBits === 8 ? " int8" : ""}`;
}

const rowGemms = (config: Partial<ResolvedConfig>, role: string, tokens: number) =>
  plan(resolvedConfig(config)).instances.flatMap((i) =>
    i.family === "row_gemm" && i.role === role && i.tokens === tokens ? [i] : [],
  );
const tiles = (...args: Parameters<typeof rowGemms>) => rowGemms(...args).map((i) => i.tiles);

/** What multiplies in which kernels of `tokens` tokens, and in clusters of how many blocks. */
function multipliers(arch: Arch, models: ResolvedConfig["models"], tokens: number): Record<string, string> {
  const { instances } = plan(resolvedConfig({ models, archs: [arch] }));
  const named = instances.flatMap((i): [string, string][] => {
    if (!("matrixOp" in i) || i.tokens !== tokens) return [];
    return [[kindOf(i), "cluster" in i && i.cluster > 1 ? `${i.matrixOp} in clusters of ${i.cluster}` : i.matrixOp]];
  });
  return Object.fromEntries(named);
}

test("warpgroups multiply rows of 16 tokens and more where there are such, and clusters share fc1's", () => {
  const both = { "row_gemm select int8": "wgmma", union_down: "wgmma" };
  const shared = { ...both, "row_gemm select": "wgmma", "row_gemm gate_up": "wgmma" };
  const inRegisters = { ...both, "row_gemm select": "wgmma_rs", "row_gemm gate_up": "wgmma_rs" };
  const clustered = { "row_gemm fc1": "wgmma in clusters of 4" };
  expect(multipliers("sm_90a", [denseModel()], 16)).toEqual({ ...shared, "row_gemm fc1": "mma" });
  // select's rows are too short to hide products of more tokens than there are.
  expect(multipliers("sm_90a", [denseModel()], 32)).toEqual({
    ...inRegisters,
    ...clustered,
    "row_gemm select": "wgmma",
  });
  expect(multipliers("sm_90a", [denseModel()], 64)).toEqual({ ...inRegisters, ...clustered });
  // Few of a mixture's tokens go to the same expert.
  expect(multipliers("sm_90a", [moeModel()], 64)).toEqual({ ...shared, "row_gemm fc1": "mma" });
  for (const tokens of [8, 64]) {
    const arch = tokens === 8 ? "sm_90a" : "sm_80";
    expect(new Set(Object.values(multipliers(arch, [denseModel()], tokens)))).toEqual(new Set(["mma"]));
  }
});

test("a predictor model gets its predictor and whole neurons, nothing of the gate-first path", () => {
  expect(built({ models: [denseModel()] })).toEqual({
    "ffn_stream 3": [1, 2],
    "row_gemm fc1": [8, 16, 32, 64],
    "row_gemm select": [8, 16, 32, 64],
    "row_gemm select int8": [8, 16, 32, 64],
    "row_gemm gate_up": [8, 16, 32, 64],
    union_down: [8, 16, 32, 64],
    support: [0],
  });
});

test("a gate-first model also gets the kernels for a mask that is given", () => {
  expect(built({ models: [gateFirstModel()] })).toEqual({
    "ffn_stream 2": [1, 2],
    "ffn_stream 3": [1, 2],
    "row_gemm gate": [8, 16, 32, 64],
    "row_gemm gate_up": [8, 16, 32, 64],
    "row_gemm up": [8, 16, 32, 64],
    union_down: [8, 16, 32, 64],
    support: [0],
  });
});

test.each([
  [
    1,
    1,
    { "ffn_stream 3": [1], "row_gemm fc1": [8], "row_gemm select": [8], "row_gemm select int8": [8], support: [0] },
  ],
  [
    2,
    2,
    { "ffn_stream 3": [2], "row_gemm fc1": [8], "row_gemm select": [8], "row_gemm select int8": [8], support: [0] },
  ],
  [
    3,
    9,
    {
      "row_gemm fc1": [8, 16],
      "row_gemm select": [8, 16],
      "row_gemm select int8": [8, 16],
      "row_gemm gate_up": [8, 16],
      union_down: [8, 16],
      support: [0],
    },
  ],
])("calls of %i to %i tokens get no other variants", (min, max, kinds) => {
  expect(built({ tokens: { min, max } })).toEqual(kinds);
});

/** What any call of up to 8 tokens takes where nothing streams. */
const gathered = {
  "row_gemm fc1": [8],
  "row_gemm select": [8],
  "row_gemm select int8": [8],
  "row_gemm gate_up": [8],
  union_down: [8],
  support: [0],
};

test.each([
  ["is too wide for a stream's ring", "sm_86", 8192],
  ["does not divide among a stream's threads", "sm_90a", 4352],
] as const)("a row that %s takes the path over gathered rows from one token on", (_what, arch, hidden) => {
  const models = [denseModel({ hidden })];
  expect(built({ models, archs: [arch], tokens: { min: 1, max: 2 } })).toEqual(gathered);
});

test("where a wide row fits a stream of one token only, the path over gathered rows takes two", () => {
  const models = [denseModel({ hidden: 10752 })];
  expect(built({ models, tokens: { min: 1, max: 1 } })).not.toHaveProperty("union_down");
  expect(built({ models, tokens: { min: 2, max: 2 } })).toHaveProperty("union_down", [8]);
});

test("expected density and tokens decide how many tiles a warp has", () => {
  const sparse = { models: [denseModel({ density: 0.02 })] };
  expect(tiles(sparse, "gate_up", 16)).toEqual([1]);
  expect(tiles({ models: [denseModel({ density: 0.3 })] }, "gate_up", 16)).toEqual([2]);
});

test("as many warps copy as their registers allow", () => {
  const producers = (role: string, tokens: number) => rowGemms({}, role, tokens).map((i) => i.producers);
  expect([producers("fc1", 32), producers("gate_up", 16), producers("select", 16)]).toEqual([[8], [8], [8, 8]]);
  // A cluster's exchange, and tokens in registers.
  expect([producers("fc1", 64), producers("gate_up", 64)]).toEqual([[4], [4]]);
});

test("the predictor's kernels of the fewest tokens have no producers, and as many warps as have work", () => {
  const warps = (config: Partial<ResolvedConfig>, role: string, tokens: number) =>
    rowGemms(config, role, tokens).map((i) => [i.producers, i.warps]);
  expect(warps({}, "fc1", 8)).toEqual([[0, 16]]);
  // 14336 neurons are 7 tiles of 16 for each of 128 multiprocessors; a half of them is 4 for some, 3 for others.
  expect(warps({}, "select", 8)).toEqual([
    [0, 7],
    [0, 7],
  ]);
  expect(warps({ tensorParallel: [2] }, "select", 8)).toEqual([
    [0, 4],
    [0, 4],
  ]);
  expect(warps({}, "select", 16)).toEqual([
    [8, 8],
    [8, 8],
  ]);
  expect(warps({}, "gate_up", 8)).toEqual([[8, 8]]);
});

test("a small multiprocessor gets shorter chunks", () => {
  const chunks = (arch: Arch) => rowGemms({ archs: [arch] }, "fc1", 8).map((i) => i.chunk);
  expect([chunks("sm_90a"), chunks("sm_86")]).toEqual([[256], [64]]);
});

test("expected experts decide too: one FFN's neurons are a tile for each warp, those of eight are many", () => {
  expect(tiles({ models: [denseModel()] }, "select", 16)).toEqual([1, 1]);
  expect(tiles({ models: [moeModel()] }, "select", 16)).toEqual([2, 2]);
});

test("a shard has its share of the neurons, and so other tiles", () => {
  const { shards } = plan(resolvedConfig({ tensorParallel: [1, 8] }));
  expect(shards.map(({ tensorParallel, intermediate }) => [tensorParallel, intermediate])).toEqual([
    [1, 14336],
    [8, 1792],
  ]);
  const models = [moeModel()];
  expect(tiles({ models, tensorParallel: [8] }, "select", 16)).toEqual([1, 1]);
  expect(tiles({ models, tensorParallel: [1, 8] }, "select", 16)).toEqual([2, 2]);
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
  expect(reasons).toContain("Rows of 4104 elements are no multiple of 64.");
});

test.each([
  [1, 8192, "async", 512],
  [2, 5120, "bulk", 320],
  [1, 5120, "bulk", 320],
])("%i tokens of %i columns are streamed by %s copies to teams of %i threads", (tokens, hidden, pipe, threads) => {
  const models = [denseModel({ hidden })];
  const { instances } = plan(resolvedConfig({ models, tokens: { min: tokens, max: tokens } }));
  const streams = instances.filter(({ family }) => family === "ffn_stream");
  expect(streams).toEqual([expect.objectContaining({ tokens, pipe, threads })]);
});
