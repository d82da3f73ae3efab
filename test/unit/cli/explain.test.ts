import { expect, test } from "vitest";
import { runCli } from "../../../generators/cli/run-cli.ts";
import type { Decision } from "../../../generators/plan/types.ts";
import { testEnv } from "../../support/env.ts";

const explain = ["explain", "--preset", "turbosparse-mistral-7b"];

async function decisions(...options: string[]): Promise<Decision[]> {
  const env = await testEnv();
  expect(await runCli(env, [...explain, "--json", ...options])).toBe(0);
  return JSON.parse(env.out());
}

test("prints a paragraph a kernel with the chosen configuration marked", async () => {
  const env = await testEnv();
  expect(await runCli(env, [...explain, "--family", "ffn_stream", "--tokens", "1"])).toBe(0);
  const [title, ...lines] = env.out().trimEnd().split("\n");
  expect(title).toBe(
    "ffn_stream sm_90a dtype=bf16 hidden=4096 activation=drelu experts=1 tokens=1 rows=3 for turbosparse-mistral-7b",
  );
  expect(lines.filter((line) => line.startsWith("* "))).toEqual([
    expect.stringMatching(/^\* threads=256 pipe=bulk stages=8 +2 vectors a thread, a ring of 8 neurons/),
  ]);
  expect(lines).toContain(
    "  threads=96                       The 512 16-byte vectors of a row do not divide among 96 threads.",
  );
});

test("says so when nothing is of the family and size that were asked for", async () => {
  const env = await testEnv();
  expect(await runCli(env, [...explain, "--family", "ffn_stream", "--tokens", "64"])).toBe(0);
  expect(env.out()).toBe("");
  expect(env.err()).toBe("No kernel of this configuration is of that family and serves so many tokens.\n");
});

test("--json prints every decision with its verdict and reason", async () => {
  const all = await decisions();
  expect(new Set(all.map(({ family }) => family))).toEqual(
    new Set(["ffn_stream", "ffn_tile", "row_gemm", "union_down", "support"]),
  );
  expect(new Set(all.map(({ verdict }) => verdict))).toEqual(new Set(["chosen", "rejected"]));
  expect(all.filter(({ reason }) => reason.length < 16)).toEqual([]);
});

test.each([
  ["2", [2, 8]],
  ["3", [8]],
  ["9", [16]],
  ["33", [64]],
])("--tokens %s keeps the kernels that such a call takes", async (tokens, variants) => {
  const kept = (await decisions("--tokens", tokens)).flatMap(({ parameters }) => parameters.tokens ?? []);
  expect([...new Set(kept)].sort()).toEqual(variants);
});

test.each(["0", "65", "1.5", "many"])("--tokens %s is a usage error", async (tokens) => {
  const env = await testEnv();
  expect(await runCli(env, [...explain, "--tokens", tokens])).toBe(2);
  expect(env.err()).toContain("Expected a whole number from 1 to 64.");
});

test("an unknown family is a usage error that lists the families", async () => {
  const env = await testEnv();
  expect(await runCli(env, [...explain, "--family", "gemm"])).toBe(2);
  expect(env.err()).toContain("ffn_stream, ffn_tile, row_gemm, union_down, support");
});
