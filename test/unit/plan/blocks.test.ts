import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { archLimits, residentBlocks } from "../../../generators/plan/archs.ts";
import { launchedBlock } from "../../../generators/plan/blocks.ts";
import { plan } from "../../../generators/plan/plan.ts";
import { archs } from "../../../generators/plan/types.ts";
import { denseModel, gateFirstModel, moeModel, resolvedConfig } from "../../support/resolved-config.ts";

const fewestRegisters = 16;

test("every planned kernel's block fits its architecture's multiprocessor and has whole warps", () => {
  const { instances } = plan(resolvedConfig({ models: [denseModel(), gateFirstModel(), moeModel()], archs }));
  expect(new Set(instances.map(({ family }) => family)).size).toBeGreaterThan(3);
  for (const instance of instances) {
    const { threads, dynamicSharedBytes } = launchedBlock(instance);
    const block = { threads, sharedBytes: dynamicSharedBytes, registers: fewestRegisters };
    expect(residentBlocks(archLimits[instance.arch], block)).toBeGreaterThan(0);
    expect(dynamicSharedBytes).toBeLessThanOrEqual(archLimits[instance.arch].sharedBytesPerBlock);
    expect([threads % 32, threads <= 1024]).toEqual([0, true]);
  }
});

test("the support kernels' blocks are what their header says", async () => {
  const header = await readFile("kernels/include/turbosparse/support.cuh", "utf8");
  const threads = [...header.matchAll(/constexpr int k(?:Reduce|Pack)Threads = (\d+);/g)].map((match) =>
    Number(match[1]),
  );
  const block = launchedBlock({ family: "support", arch: "sm_90a", dtype: "bf16" });
  expect(threads).toEqual([block.threads, block.threads]);
});
