import { describe, expect, it } from "vitest";
import { firstError, isDiskFull, wasKilled } from "../../../generators/compile/nvcc-error.ts";

describe("firstError", () => {
  it.each([
    [
      'kernels/a.cu(4): warning #1-D: x\nkernels/a.cu(12): error: identifier "x" is undefined\n   x;\n   ^\n\n2 errors detected\n',
      'kernels/a.cu(12): error: identifier "x" is undefined',
    ],
    [
      "In file included from kernels/b.cc:1:\nkernels/c.h:3:5: error: 'y' was not declared\nkernels/b.cc:9:1: error: z\n",
      "kernels/c.h:3:5: error: 'y' was not declared",
    ],
    ["kernels/b.cc:1:10: fatal error: no.h: No such file\n", "kernels/b.cc:1:10: fatal error: no.h: No such file"],
    ["ptxas fatal   : Value 'sm_9' is not defined\n", "ptxas fatal   : Value 'sm_9' is not defined"],
    ["nvcc fatal   : Unknown option '--x'\n", "nvcc fatal   : Unknown option '--x'"],
    [
      "/usr/bin/ld: a.o: in function `f':\na.cc:(.text+0x1): undefined reference to `g'\ncollect2: error: ld returned 1\n",
      "a.cc:(.text+0x1): undefined reference to `g'",
    ],
    ["something\nError 3 happened\n", "Error 3 happened"],
  ])("of %j", (output, expected) => {
    expect(firstError(output)).toBe(expected);
  });

  it("is undefined when no line says what is wrong", () => {
    expect(firstError("all is well\n")).toBeUndefined();
  });
});

describe("what ended a compiler", () => {
  const result = { exitCode: 1, signal: undefined, stderr: "" };
  it("was the kernel for 137, SIGKILL and what nvcc says of its children", () => {
    expect(wasKilled({ ...result, exitCode: 137 })).toBe(true);
    expect(wasKilled({ exitCode: undefined, signal: "SIGKILL", stderr: "" })).toBe(true);
    expect(wasKilled({ ...result, stderr: "nvcc error   : 'cicc' died due to signal 9 (Kill signal)\n" })).toBe(true);
    expect(wasKilled({ ...result, stderr: "nvcc error   : 'cicc' died due to signal 11\n" })).toBe(false);
    expect(wasKilled(result)).toBe(false);
  });

  it("was a full disk for what the system says of one", () => {
    expect(isDiskFull("fatal error: error writing to a.s: No space left on device")).toBe(true);
    expect(isDiskFull("error: space")).toBe(false);
  });
});
