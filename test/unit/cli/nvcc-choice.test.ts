import { expect, test } from "vitest";
import { nvccChoice } from "../../../generators/cli/doctor/nvcc-choice.ts";
import type { Probe } from "../../../generators/compile/toolchain/probe.ts";
import type { Nvcc } from "../../../generators/compile/toolchain/types.ts";

const good = (path: string): Probe<Nvcc> => ({
  ok: true,
  value: { path, version: "13.0.88", versionText: "", origin: "PATH" },
});
const bad: Probe<Nvcc> = { ok: false, reason: "it is nvcc 12.4.0" };

test.each([
  ["CUDA_HOME before all else", good("/home"), good("/path"), good("/cache"), true, "CUDA_HOME, which is set: /home"],
  ["a CUDA_HOME of no use", bad, good("/path"), good("/cache"), false, "what it names cannot be used"],
  ["PATH before the cache", undefined, good("/path"), good("/cache"), true, "that on PATH"],
  ["the cache where PATH has another release", undefined, bad, good("/cache"), true, "that in the cache"],
  ["PyPI where there is none", undefined, undefined, undefined, true, "from PyPI"],
  ["PyPI where the cache is damaged", undefined, undefined, bad, true, "from PyPI"],
])("a build takes %s", (_title, ofHome, onPath, inCache, ok, detail) => {
  const choice = nvccChoice({ ofHome, onPath, inCache });
  expect(choice).toEqual({ ok, detail: expect.stringContaining(detail) });
});
