import { expect, test } from "vitest";
import { archLimits, occupancy, residentBlocks } from "../../../generators/plan/archs.ts";

/** Results of `cudaOccMaxActiveBlocksPerMultiprocessor`, CUDA 13.0, with the whole shared memory as carve-out. */
test.each([
  ["sm_80", 32, 16, 0, 32],
  ["sm_86", 32, 16, 0, 16],
  ["sm_89", 32, 16, 0, 24],
  ["sm_100a", 32, 16, 0, 32],
  ["sm_120a", 32, 16, 0, 24],
  ["sm_90a", 256, 32, 512, 8],
  ["sm_90a", 256, 40, 512, 6],
  ["sm_90a", 288, 56, 512, 4],
  ["sm_90a", 544, 96, 0, 1],
  ["sm_90a", 544, 104, 0, 0],
  ["sm_90a", 128, 255, 0, 2],
  ["sm_90a", 64, 32, 16000, 13],
  ["sm_90a", 64, 32, 33000, 6],
  ["sm_90a", 64, 32, 232448, 1],
  ["sm_80", 64, 32, 166000, 1],
  ["sm_80", 64, 32, 200000, 0],
  ["sm_86", 256, 32, 50000, 2],
] as const)(
  "%s holds blocks of %i threads with %i registers and %i bytes",
  (arch, threads, registers, bytes, blocks) => {
    expect(residentBlocks(archLimits[arch], { threads, registers, sharedBytes: bytes })).toBe(blocks);
  },
);

test("occupancy is the share of all warps, those that threads fill in part included", () => {
  expect(occupancy(archLimits.sm_90a, { threads: 544, registers: 96, sharedBytes: 0 })).toBeCloseTo(17 / 64);
  expect(occupancy(archLimits.sm_86, { threads: 33, registers: 16, sharedBytes: 0 })).toBeCloseTo((16 * 2) / 48);
});
