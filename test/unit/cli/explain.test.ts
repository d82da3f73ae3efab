import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runCli } from "../../../generators/cli/run-cli.ts";
import type { Decision } from "../../../generators/plan/types.ts";
import { repositoryRoot, testEnv } from "../../support/env.ts";

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
    new Set(["ffn_stream", "row_gemm", "union_down", "support"]),
  );
  expect(new Set(all.map(({ verdict }) => verdict))).toEqual(new Set(["chosen", "rejected"]));
  expect(all.filter(({ reason }) => reason.length < 16)).toEqual([]);
});

test("ends with a table of times for each model and operator, unless a family is asked for", async () => {
  const env = await testEnv();
  expect(await runCli(env, [...explain, "--arch", "sm_90a,sm_80", "--tokens", "1"])).toBe(0);
  const paragraphs = env.out().split("\n\n");
  const heading = "turbosparse-mistral-7b: FFN, mask given, 10.0% active a token, on NVIDIA H200 (sm_90a)\n";
  const [title, header, row, ...others] = paragraphs.find((text) => text.startsWith(heading))?.split("\n") ?? [];
  expect(title).toBe(heading.trimEnd());
  expect(header).toBe("tokens  union  predicted us  dense us  speed-up  measured us  at union  error");
  expect(row).toMatch(/^1 +10\.0% +\d+\.\d +\d+\.\d +\d+\.\d\d /);
  expect(others).toEqual([]);
  expect(paragraphs.at(-1)).toContain("FFN, mask given, 10.0% active a token, on sm_80: not calibrated\n");
  const filtered = await testEnv();
  expect(await runCli(filtered, [...explain, "--family", "ffn_stream"])).toBe(0);
  expect(filtered.out()).not.toContain("predicted us");
});

test("--times prints no decisions, and JSON that docs/cost-model.md describes", async () => {
  const env = await testEnv();
  expect(await runCli(env, [...explain, "--times", "--json"])).toBe(0);
  const { schemaVersion, forecasts, ...others } = JSON.parse(env.out());
  expect({ schemaVersion, others }).toEqual({ schemaVersion: 1, others: {} });
  const given = forecasts.find(({ operator }: { operator: string }) => operator === "ffn");
  const { rows, ...identity } = given;
  expect(identity).toEqual({
    model: "turbosparse-mistral-7b",
    tensorParallel: 1,
    arch: "sm_90a",
    operator: "ffn",
    predictorBits: null,
    density: 0.1,
    gpu: "NVIDIA H200",
  });
  expect(rows.map(({ tokens }: { tokens: number }) => tokens)).toEqual([1, 2, 4, 8, 16, 32, 64]);
  expect(Object.keys(rows[0])).toEqual([
    "tokens",
    "unionDensity",
    "microseconds",
    "denseMicroseconds",
    "speedup",
    "measured",
  ]);
});

test("--times with a family is a usage error, since times are of operators", async () => {
  const env = await testEnv();
  expect(await runCli(env, [...explain, "--times", "--family", "ffn_stream"])).toBe(2);
});

/** `explain --times` for two tokens, of a package that brings these measurements; none has no folder for them. */
async function timesWith(measurements: Readonly<Record<string, string>>): Promise<string> {
  const env = await testEnv();
  await writeFile(join(env.cwd, "package.json"), JSON.stringify({ version: "0.1.0" }));
  for (const [name, text] of Object.entries(measurements)) {
    await mkdir(join(env.cwd, "docs/measurements"), { recursive: true });
    await writeFile(join(env.cwd, "docs/measurements", name), text);
  }
  expect(await runCli({ ...env, packageRoot: env.cwd }, [...explain, "--times", "--tokens", "2"])).toBe(0);
  return env.out();
}

test("a record that this package brings is shown beside the prediction, with the error", async () => {
  const record = await readFile(join(repositoryRoot, "docs/measurements/h200-bench-mistral-7b.json"), "utf8");
  const out = await timesWith({ "bench.json": record, "gpu.json": `{"kind":"gpu-record"}`, "README.md": "" });
  const { results } = JSON.parse(record) as { results: { operator: string; tokens: number; microseconds: number }[] };
  const measured = results.find(({ operator, tokens }) => operator === "ffn" && tokens === 2)?.microseconds.toFixed(1);
  expect(out).toMatch(
    new RegExp(`^2 +19\\.0% +\\d+\\.\\d +\\d+\\.\\d +\\d\\.\\d\\d +${measured} +17\\.0% +[+-]\\d\\.\\d%$`, "m"),
  );
});

test("a package without measurements has predictions only", async () => {
  expect(await timesWith({})).toMatch(/^2 +19\.0% .* - +- +-$/m);
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
  expect(env.err()).toContain("ffn_stream, row_gemm, union_down, support");
});
