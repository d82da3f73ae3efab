import { expect, test } from "vitest";
import { runCli } from "../../../generators/cli/run-cli.ts";
import { testEnv } from "../../support/env.ts";

const jobs = [
  { model: "turbosparse-mistral-7b", arch: "sm_80", cuda: "13.0" },
  { model: "turbosparse-mistral-7b", arch: "sm_90a", cuda: "13.0" },
  { model: "turbosparse-mixtral-47b", arch: "sm_80", cuda: "13.0" },
  { model: "turbosparse-mixtral-47b", arch: "sm_90a", cuda: "13.0" },
];

test("--format github is one line that Actions' fromJSON takes", async () => {
  const env = await testEnv();
  expect(await runCli(env, ["matrix", "--format", "github", "--arch", "sm_90a,sm_80"])).toBe(0);
  expect(env.out().match(/\n/g)).toHaveLength(1);
  expect(JSON.parse(env.out())).toEqual({ include: jobs });
});

test("--format json is a list", async () => {
  const env = await testEnv();
  expect(await runCli(env, ["matrix", "--format", "json", "--arch", "sm_80,sm_90a"])).toBe(0);
  expect(JSON.parse(env.out())).toEqual(jobs);
});

test("an unknown format is a usage error", async () => {
  const env = await testEnv();
  expect(await runCli(env, ["matrix", "--format", "gitlab"])).toBe(2);
  expect(env.err()).toContain("github, json");
});

test("an unknown engine fails the matrix, not each of its jobs", async () => {
  const env = await testEnv();
  expect(await runCli(env, ["matrix", "--engine", "sglang"])).toBe(2);
  expect(env.err()).toContain('error[TS3001]: --engine: unknown engine "sglang".');
});
