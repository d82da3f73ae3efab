import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { archLimits, registerLimit, residentBlocks } from "../../../generators/plan/archs.ts";
import {
  chooseFfnStream,
  ffnStreamRegisters,
  ffnStreamSharedBytes,
  ffnStreamThreads,
} from "../../../generators/plan/families/ffn-stream.ts";
import {
  chooseRowGemm,
  rowGemmRegisters,
  rowGemmSharedBytes,
  rowGemmSlots,
  rowGemmThreads,
} from "../../../generators/plan/families/row-gemm.ts";
import {
  chooseUnionDown,
  unionDownRegisters,
  unionDownSharedBytes,
  unionDownThreads,
} from "../../../generators/plan/families/union-down.ts";
import type { FfnStreamKey, RowGemmKey, UnionDownKey } from "../../../generators/plan/names.ts";
import { archs, type KernelInstance, type RowGemmRole } from "../../../generators/plan/types.ts";

/** CUDA C++ Programming Guide, "Technical Specifications per Compute Capability": the same for all of ours. */
const threadsPerBlock = 1024;

const arch = fc.constantFrom(...archs);
const dtype = fc.constantFrom("bf16" as const, "fp16" as const);
const activation = fc.constantFrom("drelu" as const, "reglu" as const);
const experts = fc.integer({ min: 1, max: 64 });
const hidden = fc.integer({ min: 1, max: 80 }).map((n) => 256 * n);
const gemmTokens = fc.constantFrom(8, 16, 32, 64);

const streamKey: fc.Arbitrary<FfnStreamKey> = fc.record({
  family: fc.constant("ffn_stream" as const),
  arch,
  dtype,
  hidden,
  activation,
  experts,
  tokens: fc.constantFrom(1, 2),
  rows: fc.constantFrom(2 as const, 3 as const),
});
const rowGemmKey: fc.Arbitrary<RowGemmKey> = fc
  .record({
    family: fc.constant("row_gemm" as const),
    role: fc.constantFrom<RowGemmRole>("fc1", "select", "gate", "gate_up", "up"),
    arch,
    dtype,
    activation,
    experts,
    tokens: gemmTokens,
    bits: fc.constantFrom(8 as const, 16 as const),
    hidden,
    rank: fc.integer({ min: 1, max: 128 }).map((n) => 64 * n),
  })
  .map(({ bits, hidden: width, rank, ...key }) =>
    key.role === "select" ? { ...key, weightBits: bits, depth: rank } : { ...key, weightBits: 16, depth: width },
  );
const unionDownKey: fc.Arbitrary<UnionDownKey> = fc.record({
  family: fc.constant("union_down" as const),
  arch,
  dtype,
  hidden,
  experts,
  tokens: gemmTokens,
});

/** What a block asks of the architecture when it starts. */
function demand(i: KernelInstance): { shared: number; registers: number; threads: number } {
  switch (i.family) {
    case "ffn_stream":
      return { shared: ffnStreamSharedBytes(i), registers: ffnStreamRegisters(i), threads: ffnStreamThreads(i) };
    case "row_gemm":
      return { shared: rowGemmSharedBytes(i), registers: rowGemmRegisters(i), threads: rowGemmThreads(i) };
    case "union_down":
      return { shared: unionDownSharedBytes(i), registers: unionDownRegisters(i), threads: unionDownThreads(i) };
    case "support":
      return { shared: 0, registers: 32, threads: 256 };
  }
}

function expectWithinLimits(instance: KernelInstance): void {
  const { shared, registers, threads } = demand(instance);
  expect(shared).toBeLessThanOrEqual(archLimits[instance.arch].sharedBytesPerBlock);
  expect(registers).toBeLessThanOrEqual(255);
  expect(registers * threads).toBeLessThanOrEqual(65536);
  const block = { sharedBytes: shared, registers, threads };
  expect(residentBlocks(archLimits[instance.arch], block)).toBeGreaterThanOrEqual(1);
  expect(threads).toBeLessThanOrEqual(threadsPerBlock);
  expect(threads % 32).toBe(0);
}

test("ffn_stream never exceeds its architecture and covers every column with whole vectors", () => {
  fc.assert(
    fc.property(streamKey, (key) => {
      const { instance } = chooseFfnStream(key);
      fc.pre(instance !== undefined);
      expectWithinLimits(instance);
      expect((key.hidden / 8) % instance.threads).toBe(0);
      expect(key.hidden / 8 / instance.threads).toBeLessThanOrEqual(4);
      if (instance.arch !== "sm_90a") expect(instance.pipe).toBe("async");
    }),
  );
});

test("row_gemm has a legal configuration for every shape that a model may have", () => {
  fc.assert(
    fc.property(rowGemmKey, fc.integer({ min: 1, max: 1_000_000 }), (key, rows) => {
      const { instance } = chooseRowGemm(key, rows);
      if (instance === undefined) throw new Error("no configuration");
      expectWithinLimits(instance);
      expect(Math.log2(instance.chunk) % 1).toBe(0);
      if (instance.producers === 0) {
        expect(rowGemmSlots(instance)).toBeGreaterThanOrEqual(1);
        expect(instance.chunk % 64).toBe(0);
      } else {
        expect(rowGemmSlots(instance)).toBeGreaterThanOrEqual(2);
        expect((instance.chunk * instance.weightBits) / 8 / 16).toBeLessThanOrEqual(32 * instance.producers);
      }
    }),
  );
});

test("union_down has a legal configuration for every shape that a model may have", () => {
  fc.assert(
    fc.property(unionDownKey, (key) => {
      const { instance } = chooseUnionDown(key);
      if (instance === undefined) throw new Error("no configuration");
      expectWithinLimits(instance);
      expect(key.hidden % instance.columns).toBe(0);
      expect(instance.columns % (16 * instance.warps)).toBe(0);
      expect(instance.chunk % 16).toBe(0);
      // The producers' threads are whole rows of 16-byte pieces, and a stage is whole rounds of those.
      const rowsAtOnce = (32 * instance.producers) / (instance.columns / 8);
      expect([rowsAtOnce % 1, instance.chunk % rowsAtOnce]).toEqual([0, 0]);
      expect(instance.stages).toSatisfy((stages) => stages >= 2 && stages <= 16);
    }),
  );
});

describe("every candidate has a reason, and exactly one legal one is chosen", () => {
  const choices = fc.oneof(
    streamKey.map((key) => chooseFfnStream(key)),
    rowGemmKey.map((key) => chooseRowGemm(key, 5000)),
    unionDownKey.map((key) => chooseUnionDown(key)),
  );
  test("for random shapes", () => {
    fc.assert(
      fc.property(choices, ({ instance, verdicts }) => {
        expect(verdicts.length).toBeGreaterThan(1);
        for (const { reason } of verdicts) expect(reason).toMatch(/^[^a-z].{15,}\.$/);
        const chosen = verdicts.filter(({ verdict }) => verdict === "chosen");
        expect(chosen.length).toBe(instance === undefined ? 0 : 1);
      }),
    );
  });
});

test("a block of threads gets whole allocation units of its partitions' registers", () => {
  expect([96, 256, 288, 320, 512, 1024].map(registerLimit)).toEqual([255, 255, 168, 168, 128, 64]);
});

test.each([
  ["shared memory", { sharedBytes: 100_000, threads: 128, registers: 32 }, 2],
  ["threads", { sharedBytes: 0, threads: 512, registers: 32 }, 4],
  ["registers", { sharedBytes: 0, threads: 256, registers: 120 }, 2],
  ["registers of a partition", { sharedBytes: 0, threads: 32, registers: 255 }, 8],
])("%s bounds the blocks that a multiprocessor holds", (_what, block, blocks) => {
  expect(residentBlocks(archLimits.sm_90a, block)).toBe(blocks);
});
