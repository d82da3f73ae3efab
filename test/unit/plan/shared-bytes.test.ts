import { expect, test } from "vitest";
import { ffnStreamSharedBytes } from "../../../generators/plan/families/ffn-stream.ts";
import { rowGemmSharedBytes, rowGemmSlots } from "../../../generators/plan/families/row-gemm.ts";
import { unionDownSharedBytes } from "../../../generators/plan/families/union-down.ts";

const target = { arch: "sm_90a", dtype: "bf16", activation: "drelu", experts: 8 } as const;

/** Worked by hand from the table of docs/architecture.md. */
test("ffn_stream", () => {
  const tile = { hidden: 4096, tokens: 2, rows: 3, threads: 256, stages: 8, pipe: "bulk" } as const;
  const bytes = ffnStreamSharedBytes({ family: "ffn_stream", ...target, ...tile });
  expect(bytes).toBe(8 * 24576 + 512 + 128 + 64 + 4096 + 256);
});

const rowTile = { warps: 8, producers: 4, chunk: 512, matrixOp: "mma", cluster: 1 } as const;

test("row_gemm of gathered rows keeps a list of neurons, routing weights and tokens", () => {
  const tile = { role: "gate_up", weightBits: 16, depth: 4096, tokens: 16, tiles: 1, ringBytes: 65536 } as const;
  const bytes = rowGemmSharedBytes({ family: "row_gemm", ...target, ...rowTile, ...tile });
  expect(bytes).toBe(65536 + 8192 + 16 * 8 + 16 + 4 * (1024 + 384) + 512 + 1024);
});

test("row_gemm of up to 8 tokens, which are one tile anyway, keeps no list of an expert's", () => {
  const tile = { role: "gate_up", weightBits: 16, depth: 4096, tokens: 8, tiles: 1, ringBytes: 65536 } as const;
  const bytes = rowGemmSharedBytes({ family: "row_gemm", ...target, ...rowTile, ...tile });
  expect(bytes).toBe(65536 + 4096 + 16 * 8 + 4 * (1024 + 384) + 256 + 1024);
});

test("row_gemm of all rows keeps the tokens of each expert", () => {
  const tile = { role: "select", weightBits: 8, depth: 1280, tokens: 64, tiles: 2, ringBytes: 65536 } as const;
  const bytes = rowGemmSharedBytes({ family: "row_gemm", ...target, ...rowTile, ...tile });
  expect(bytes).toBe(65536 + 32768 + 8 * (16 + 64) + 256 + 1024);
});

test.each([
  // Slots of 128 rows of 512 bytes and 16 more and of 8 tokens of 512 bytes and 32 more: three fit, of 1 KiB but one.
  [16, 3 * (128 * 528 + 8 * 544), 3],
  [16, 3 * (128 * 528 + 8 * 544) - 1, 5],
  // At the shortest chunk two must do. A token's chunk is twice as long as an int8 row's.
  [16, 2 * (128 * 144 + 8 * 160), 2],
  [8, 3 * (128 * 528 + 8 * 1056), 3],
  [8, 2 * (128 * 144 + 8 * 288), 2],
] as const)("row_gemm of %i bits makes of a ring of %i bytes %i slots", (weightBits, ringBytes, slots) => {
  const tile = { role: "select", weightBits, depth: 1280, tokens: 8, tiles: 1, ringBytes } as const;
  expect(rowGemmSlots({ family: "row_gemm", ...target, ...rowTile, ...tile })).toBe(slots);
});

test.each([
  // Panels have no padding. Slots of 128 rows and 16 tokens of 512 bytes; of 64 rows where a cluster shares their length.
  ["select", 16, 1, 3 * 144 * 512, 3],
  ["fc1", 16, 4, 3 * 80 * 1024, 3],
  ["fc1", 16, 4, 3 * 80 * 1024 - 1, 5],
  // int8 rows have, and tokens follow at a whole KiB: 128 rows of 512 bytes and 16 more, 16 tokens of 1024.
  ["select", 8, 1, 3 * (66 + 16) * 1024, 3],
  ["select", 8, 1, 3 * (66 + 16) * 1024 - 1, 5],
] as const)(
  "row_gemm of warpgroups: %s of %i bits in clusters of %i makes of a ring of %i bytes %i slots",
  (role, weightBits, cluster, ringBytes, slots) => {
    const tile = { role, weightBits, depth: 4096, tokens: 16, tiles: 1, ringBytes } as const;
    const instance = { family: "row_gemm", ...target, ...rowTile, ...tile, matrixOp: "wgmma", cluster } as const;
    expect(rowGemmSlots(instance)).toBe(slots);
  },
);

test.each([
  // Lists and 128 token sets; or 256, and less than what wgmma reads behind the ring.
  ["gate_up", 65536 + 16 + 4 * (1024 + 256) + 4 * 64 + 8 * 128 + 1024],
  ["select", 65536 + 6144],
] as const)("row_gemm of tokens in registers has no sums: %s", (role, bytes) => {
  const tile = { role, weightBits: 16, depth: 4096, tokens: 64, tiles: 4, warps: 4, ringBytes: 65536 } as const;
  const rest = { ...target, experts: 1, ...rowTile, producers: 4, matrixOp: "wgmma_rs" } as const;
  const instance = { family: "row_gemm", ...rest, ...tile } as const;
  expect(rowGemmSharedBytes(instance)).toBe(bytes);
});

test.each([
  // Slots of 256 rows alone: three of 128 elements, at least which gate_up has; two of them where there is no more room.
  ["gate_up", 3 * 256 * 256, 3],
  ["gate_up", 3 * 256 * 256 - 1, 2],
  ["select", 3 * 256 * 256 - 1, 5],
] as const)("row_gemm of tokens in registers: %s makes of a ring of %i bytes %i slots", (role, ringBytes, slots) => {
  const tile = { role, weightBits: 16, depth: 4096, tokens: 64, tiles: 4, warps: 4, ringBytes } as const;
  const instance = { family: "row_gemm", ...target, ...rowTile, ...tile, producers: 4, matrixOp: "wgmma_rs" } as const;
  expect(rowGemmSlots(instance)).toBe(slots);
});

test("row_gemm without producers keeps all tokens beside the rings of its warps", () => {
  const tile = { role: "select", weightBits: 8, depth: 1664, tokens: 8, tiles: 1, warps: 7, producers: 0 } as const;
  const instance = {
    family: "row_gemm",
    ...target,
    ...tile,
    chunk: 512,
    matrixOp: "mma",
    cluster: 1,
  } as const;
  const ringBytes = 7 * 2 * 16 * 528;
  expect(rowGemmSharedBytes({ ...instance, ringBytes })).toBe(ringBytes + 8 * (3328 + 64));
  expect([ringBytes, ringBytes - 1].map((bytes) => rowGemmSlots({ ...instance, ringBytes: bytes }))).toEqual([2, 1]);
});

test("union_down", () => {
  const tile = { hidden: 4096, tokens: 64, warps: 8, producers: 8, columns: 256, chunk: 64, stages: 3 } as const;
  const instance = { family: "union_down", arch: "sm_90a", dtype: "bf16", experts: 8, ...tile } as const;
  const beside = 48 + 4 * (512 + 512) + 256;
  expect(unionDownSharedBytes({ ...instance, matrixOp: "mma" })).toBe(3 * 64 * (528 + 128) + beside);
  expect(unionDownSharedBytes({ ...instance, matrixOp: "wgmma" })).toBe(3 * 64 * (512 + 128) + beside);
});
