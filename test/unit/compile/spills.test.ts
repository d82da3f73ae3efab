import { expect, test } from "vitest";
import { serializedReport } from "../../../generators/compile/serialized.ts";
import { spillFailure, spillReport } from "../../../generators/compile/spills.ts";
import { plan } from "../../../generators/plan/plan.ts";
import { configName } from "../../../generators/render/instance-contexts.ts";
import { resolvedConfig } from "../../support/resolved-config.ts";

const { instances } = plan(resolvedConfig());

const kernel = (symbol: string, spillBytes: number) => ({
  symbol,
  arch: "sm_90a",
  registers: 168,
  spillBytes,
  stackBytes: 0,
  staticSharedBytes: 0,
  serialized: false,
});

/** A kernel template's mangled name over the first configuration whose name starts so. */
function symbolOf(prefix: string): string {
  const config = instances.map(configName).find((name) => name.startsWith(prefix)) ?? "";
  return `_ZN11turbosparse6kernelINS_${config.length}${config}EEEvT_`;
}

test("nothing is said of kernels that keep their registers", () => {
  expect(spillReport(instances, [kernel(symbolOf("FfnStream"), 0)])).toBeUndefined();
});

test("a kernel that spills is named as the dispatch table names it, with its bytes and registers", () => {
  const report = spillReport(instances, [kernel(symbolOf("FfnStream"), 4), kernel(symbolOf("Support"), 0)]);
  expect(report).toMatch(
    /^ptxas spills registers to memory in 1 kernel: ffn_stream_sm90a_\w+ \(4 bytes, 168 registers\)$/,
  );
});

test("a kernel of no instance is named by its symbol, for nothing that spills may be passed over", () => {
  expect(spillReport(instances, [kernel("_Z6strayv", 1)])).toContain("_Z6strayv (1 byte, 168 registers)");
});

test("kernels whose products wait for each other are named alike", () => {
  const waiting = { ...kernel(symbolOf("UnionDown"), 0), serialized: true };
  expect(serializedReport(instances, [kernel(symbolOf("Support"), 0)])).toBeUndefined();
  expect(serializedReport(instances, [waiting])).toMatch(/ of 1 kernel wait .*: union_down_sm90a_\w+$/);
});

test("the failure is of the compilation and says how to build all the same", () => {
  expect(spillFailure("ptxas spills")).toMatchObject({
    code: "TS4107",
    exit: "failed",
    message: "ptxas spills.",
    hint: expect.stringContaining("--allow-spills"),
  });
});
