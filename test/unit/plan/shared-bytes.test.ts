import { expect, test } from "vitest";
import { ffnStreamSharedBytes } from "../../../generators/plan/families/ffn-stream.ts";
import { ffnTileSharedBytes } from "../../../generators/plan/families/ffn-tile.ts";
import { rowGemmSharedBytes } from "../../../generators/plan/families/row-gemm.ts";
import { unionDownSharedBytes } from "../../../generators/plan/families/union-down.ts";

const target = { arch: "sm_90a", dtype: "bf16", activation: "drelu", experts: 8 } as const;

/** Worked by hand from the table of docs/architecture.md. */
test("ffn_stream", () => {
  const tile = { hidden: 4096, tokens: 2, rows: 3, threads: 256, stages: 8, pipe: "bulk" } as const;
  const bytes = ffnStreamSharedBytes({ family: "ffn_stream", ...target, ...tile });
  expect(bytes).toBe(8 * 24576 + 512 + 128 + 64 + 4096 + 256);
});

test("ffn_tile, when its slots are as large as the gate and up rows of a tile", () => {
  const tile = { hidden: 4096, tokens: 8, rows: 3, warps: 8, chunk: 1024, columns: 2048, stages: 4 } as const;
  const bytes = ffnTileSharedBytes({ family: "ffn_tile", ...target, ...tile, pipe: "bulk" });
  expect(bytes).toBe(4 * 33024 + 65664 + 8192 + 64 + 4096 + 256 + 256);
});

test("ffn_tile, when its slots are as large as the down rows of a tile", () => {
  const tile = { hidden: 4096, tokens: 8, rows: 2, warps: 4, chunk: 512, columns: 1024, stages: 3 } as const;
  const bytes = ffnTileSharedBytes({ family: "ffn_tile", ...target, ...tile, pipe: "async" });
  expect(bytes).toBe(3 * 33024 + 65664 + 4096 + 48 + 4096 + 256 + 256);
});

test("row_gemm, when its ring is larger than its sums", () => {
  const tile = { role: "gate_up", depth: 4096, tokens: 16, rowTiles: 1, warps: 4, chunk: 64, stages: 3 } as const;
  const bytes = rowGemmSharedBytes({ family: "row_gemm", ...target, ...tile });
  expect(bytes).toBe(4 * 3 * 48 * 72 * 2 + 512 + 4096 + 256);
});

test("row_gemm, when its sums are larger than its ring", () => {
  const tile = { role: "gate_up", depth: 4096, tokens: 64, rowTiles: 2, warps: 8, chunk: 16, stages: 2 } as const;
  const bytes = rowGemmSharedBytes({ family: "row_gemm", ...target, ...tile });
  expect(bytes).toBe(8 * 64 * 64 * 4 + 2048 + 4096 + 256);
});

test("union_down", () => {
  const tile = { hidden: 4096, tokens: 64, warps: 8, columns: 256, chunk: 64, stages: 3 } as const;
  const bytes = unionDownSharedBytes({ family: "union_down", arch: "sm_90a", dtype: "bf16", ...tile });
  expect(bytes).toBe(3 * 64 * 336 * 2 + 4096 + 256);
});
