import { expect, test } from "vitest";
import { runCli } from "../../../generators/cli/run-cli.ts";
import { createNodeFs } from "../../../generators/io/node-fs.ts";
import { testEnv } from "../../support/env.ts";

test("a full disk is the machine's fault, not the command line's", async () => {
  const writeAtomic = () => Promise.reject(Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" }));
  const env = await testEnv({ fs: { ...createNodeFs(), writeAtomic } });
  expect(await runCli(env, ["init"])).toBe(3);
  expect(env.err()).toMatch(/^error\[TS1303\]: .*no space left.*\nhint: Free some space/);
});
