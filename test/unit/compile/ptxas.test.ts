import { describe, expect, it } from "vitest";
import { parsePtxasLog } from "../../../generators/compile/ptxas.ts";

const log = `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z1aPf' for 'sm_90a'
ptxas info    : Function properties for _Z1aPf
    16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 168 registers, used 1 barriers, 16 bytes cumulative stack size, 4096 bytes smem, 400 bytes cmem[0]
ptxas info    : Compile time = 3.426 ms
ptxas info    : Function properties for _Z6helperv
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Compiling entry function '_Z1bPf' for 'sm_80'
ptxas info    : Function properties for _Z1bPf
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 10 registers, used 0 barriers
`;

describe("parsePtxasLog", () => {
  it("reads registers, spills, stack and shared memory of every kernel", () => {
    expect(parsePtxasLog(log)).toEqual([
      {
        symbol: "_Z1aPf",
        arch: "sm_90a",
        registers: 168,
        spillBytes: 20,
        stackBytes: 16,
        staticSharedBytes: 4096,
        serialized: false,
      },
      {
        symbol: "_Z1bPf",
        arch: "sm_80",
        registers: 10,
        spillBytes: 0,
        stackBytes: 0,
        staticSharedBytes: 0,
        serialized: false,
      },
    ]);
  });

  it("tells whose products wait for each other", () => {
    const reason = "due to program dependence on compiler-inserted WG.AR in divergent path in the function '_Z1aPf'";
    const warning = `ptxas info    : (C7520) Potential Performance Loss: wgmma.mma_async instructions are serialized ${reason}\n`;
    expect(parsePtxasLog(warning + log).map(({ serialized }) => serialized)).toEqual([true, false]);
    expect(parsePtxasLog(log + warning).map(({ serialized }) => serialized)).toEqual([true, false]);
  });

  it("finds nothing in other output", () => {
    expect(parsePtxasLog("")).toEqual([]);
    expect(parsePtxasLog("kernels/a.cu(3): warning #177-D: variable was declared\n")).toEqual([]);
  });
});
