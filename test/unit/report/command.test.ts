import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCli } from "../../../generators/cli/run-cli.ts";
import { benchRecord, benchSweep } from "../../support/bench-record.ts";
import { type TestEnv, testEnv } from "../../support/env.ts";

/** The disk is full for whatever is written through the environment. */
async function onFullDisk(): Promise<TestEnv> {
  const env = await testEnv();
  const writeAtomic = async () => {
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  };
  return { ...env, fs: { ...env.fs, writeAtomic } };
}

describe("report", () => {
  it("blames the machine for a full disk, and not the option", async () => {
    const env = await onFullDisk();
    await writeFile(join(env.cwd, "a.json"), JSON.stringify(benchRecord(benchSweep([1, 2], [0.1]))));
    expect(await runCli(env, ["report", "a.json"])).toBe(3);
    expect(env.err()).toMatch(
      /^error\[TS7011\]: --out: report\.html cannot be written \(ENOSPC.*\)\.\nhint: Free some/,
    );
    expect(await env.fs.list(env.cwd)).toEqual(["a.json"]);
  });
});
