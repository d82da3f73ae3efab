import fc from "fast-check";
import { expect, test } from "vitest";
import { groupName, instanceName } from "../../../generators/plan/names.ts";
import { archs, type KernelInstance, type RowGemmRole } from "../../../generators/plan/types.ts";
import { dispatchKey } from "../../../generators/render/dispatch-context.ts";
import { configName } from "../../../generators/render/instance-contexts.ts";

const few = fc.constantFrom(1, 2, 8, 11, 18, 64);
const shared = {
  arch: fc.constantFrom(...archs),
  dtype: fc.constantFrom("bf16" as const, "fp16" as const),
};
const gated = { activation: fc.constantFrom("drelu" as const, "reglu" as const), experts: few, tokens: few };
const tuned = {
  warps: few,
  chunk: few,
  stages: few,
  matrixOp: fc.constantFrom("mma" as const, "wgmma" as const, "wgmma_rs" as const),
};

const instance: fc.Arbitrary<KernelInstance> = fc.oneof(
  fc.record({
    family: fc.constant("ffn_stream" as const),
    ...shared,
    ...gated,
    hidden: few,
    rows: fc.constantFrom(2 as const, 3 as const),
    threads: few,
    stages: few,
    pipe: fc.constantFrom("bulk" as const, "async" as const),
  }),
  fc.record({
    family: fc.constant("row_gemm" as const),
    ...shared,
    ...gated,
    ...tuned,
    role: fc.constantFrom<RowGemmRole>("fc1", "select", "gate", "gate_up", "up"),
    weightBits: fc.constantFrom(8 as const, 16 as const),
    depth: few,
    tiles: fc.constantFrom(1 as const, 2 as const),
    producers: few,
    ringBytes: few,
    cluster: fc.constantFrom(1 as const, 4 as const),
  }),
  fc.record({
    family: fc.constant("union_down" as const),
    ...shared,
    ...tuned,
    hidden: few,
    experts: few,
    tokens: few,
    producers: few,
    columns: few,
  }),
  fc.record({ family: fc.constant("support" as const), ...shared }),
);

/** What a table of kernels/include/turbosparse/dispatch.h is searched by, the table included. */
const lookup = (i: KernelInstance) => JSON.stringify([i.family, dispatchKey(i)]);

const many = fc.array(instance, { minLength: 300, maxLength: 300 });

test("instances have as many names as there are things to look up", () => {
  fc.assert(
    fc.property(many, (instances) => {
      const lookups = new Set(instances.map(lookup)).size;
      expect(lookups).toBeLessThan(instances.length);
      expect(new Set(instances.map(instanceName)).size).toBe(lookups);
      expect(new Set(instances.map(configName)).size).toBe(lookups);
      expect(new Set(instances.map((i) => `${lookup(i)} ${instanceName(i)} ${configName(i)}`)).size).toBe(lookups);
    }),
    { numRuns: 20 },
  );
});

test("a group holds one family, architecture and dtype", () => {
  fc.assert(
    fc.property(many, (instances) => {
      const targets = new Map(instances.map((i) => [`${groupName(i)} ${i.family} ${i.arch} ${i.dtype}`, groupName(i)]));
      expect(targets.size).toBe(new Set(targets.values()).size);
    }),
    { numRuns: 20 },
  );
});

test("a name that differs from another instance's only where letters meet digits is still another name", () => {
  const base = {
    family: "union_down",
    arch: "sm_80",
    dtype: "bf16",
    tokens: 8,
    warps: 4,
    producers: 4,
    columns: 64,
    chunk: 32,
    stages: 2,
  } as const;
  const named = (hidden: number, experts: number) => instanceName({ ...base, hidden, experts });
  expect(named(40, 96)).not.toBe(named(409, 6));
});
