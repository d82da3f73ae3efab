import { describe, expect, it } from "vitest";
import { reachable } from "../../../generators/compile/includes.ts";

const sources = new Map([
  ["kernels/include/turbosparse/a.cuh", '#pragma once\n#include "turbosparse/b.h"\n#include <cuda_bf16.h>\n'],
  ["kernels/include/turbosparse/b.h", '#include "a.cuh"\n'],
  ["kernels/include/turbosparse/unused.h", ""],
  ["kernels/launch/local.h", ""],
  ["kernels/launch/run.cc", '  #  include   "local.h"\n#include <turbosparse/b.h>\n#include <tvm/ffi/tvm_ffi.h>\n'],
]);

describe("reachable", () => {
  it("follows quoted, angled, relative and circular includes, sorted by path", () => {
    const { files, external } = reachable("kernels/launch/run.cc", sources);
    expect([...files.keys()]).toEqual([
      "kernels/include/turbosparse/a.cuh",
      "kernels/include/turbosparse/b.h",
      "kernels/launch/local.h",
      "kernels/launch/run.cc",
    ]);
    expect([...external].sort()).toEqual(["cuda_bf16.h", "tvm"]);
  });

  it("names file and line of an include of this package that is not there", () => {
    const broken = new Map([["kernels/x.cu", '// x\n#include "turbosparse/gone.cuh"\n']]);
    expect(() => reachable("kernels/x.cu", broken)).toThrow('kernels/x.cu:2 includes "turbosparse/gone.cuh"');
  });
});
