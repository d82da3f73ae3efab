import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { benchRecord, benchSweep } from "../support/bench-record.ts";
import { main } from "../support/build-world.ts";

const before = benchRecord(benchSweep([1, 2, 4], [0.1, 0.2]));
const slower = benchRecord(
  before.results.map((result) =>
    result.tokens === 4 ? { ...result, microseconds: result.microseconds * 1.04 } : result,
  ),
);
const other = benchRecord([...before.results], { gpu: "NVIDIA H100 80GB HBM3" });

const records = {
  "before.json": JSON.stringify(before),
  "slower.json": JSON.stringify(slower),
  "h100.json": JSON.stringify(other),
  "few.json": JSON.stringify(benchRecord(benchSweep([8], [0.1]))),
  "cut.json": JSON.stringify(before).slice(0, 500),
  "typo.json": JSON.stringify(before).replace('"tokens":2', '"token":2'),
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "turbosparse-report-"));
  for (const [name, text] of Object.entries(records)) await writeFile(join(folder, name), text);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const report = (...argv: string[]) =>
  execa(process.execPath, [main, "report", ...argv], { cwd: folder, reject: false });
const written = async () => (await readdir(folder)).filter((name) => !(name in records));

describe("report", () => {
  it("writes one page, and writes nothing when it is there already", async () => {
    const first = await report("before.json", "slower.json");
    expect(first).toMatchObject({ exitCode: 0, stdout: "", stderr: "Wrote report.html on 2 records." });
    const page = await readFile(join(folder, "report.html"), "utf8");
    expect(page).toMatch(/^<!doctype html>\n[\s\S]*<\/html>\n$/);
    expect(await report("before.json", "slower.json")).toMatchObject({ exitCode: 4, stdout: "" });
    expect(await report("slower.json", "before.json")).toMatchObject({ exitCode: 0 });
    expect(await readFile(join(folder, "report.html"), "utf8")).not.toBe(page);
    expect(await written()).toEqual(["report.html"]);
  });

  it("has JSON for programs", async () => {
    const { stdout } = await report("before.json", "--out", "page.html", "--json");
    expect(JSON.parse(stdout)).toEqual({
      out: expect.stringMatching(/\/page\.html$/),
      records: [{ label: "before", gpu: "NVIDIA H200", results: 6 }],
    });
    expect(await written()).toEqual(["page.html"]);
  });

  it.each([
    ["no record", [], 2, /^error\[TS1003\]: Missing required argument 'file'/],
    ["a record that is not there", ["none.json"], 2, /^error\[TS7001\]: none\.json cannot be read: .*\nhint: /],
    ["a record that was cut short", ["before.json", "cut.json"], 2, /^error\[TS7002\]: cut\.json is not JSON: /],
    [
      "an unknown key",
      ["typo.json"],
      2,
      /^error\[TS7004\]: typo\.json: results\[1\]: .*"token"\.\nhint: Did you mean "to/,
    ],
    ["a record twice", ["before.json", "before.json"], 2, /^error\[TS7007\]/],
    ["a page into nowhere", ["before.json", "--out", "no/page.html"], 2, /^error\[TS7011\]: --out: no\/page\.html/],
    ["a page over a folder", ["before.json", "--out", "."], 2, /^error\[TS7011\]/],
    [
      "a page over its record",
      ["before.json", "--out", "before.json"],
      2,
      /^error\[TS7006\]: --out before\.json would/,
    ],
    [
      "--fail-over alone",
      ["before.json", "--fail-over", "5%"],
      2,
      /^error\[TS7006\]: --fail-over belongs to --compare/,
    ],
  ])("refuses %s, and writes nothing", async (_, argv, exitCode, stderr) => {
    expect(await report(...argv)).toMatchObject({ exitCode, stdout: "", stderr: expect.stringMatching(stderr) });
    expect(await written()).toEqual([]);
    expect(await readFile(join(folder, "before.json"), "utf8")).toBe(records["before.json"]);
  });
});

describe("report --compare", () => {
  it("prints the changes and passes within the limit", async () => {
    const { exitCode, stdout, stderr } = await report("--compare", "before.json", "slower.json", "--fail-over", "5%");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "Compared 6 results." });
    expect(stdout).toMatch(/^FFN, mask given +.* +4 +20% +\S+ +\S+ +\+4\.0%$/m);
    expect(await written()).toEqual([]);
  });

  it("fails beyond the limit, with a sentence that says where", async () => {
    const { exitCode, stdout, stderr } = await report("--compare", "before.json", "slower.json", "--fail-over", "2.5%");
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^operator +shape/);
    expect(stderr).toMatch(/^error\[TS7010\]: 2 of 6 results are more than 2\.5% slower: .* at 4 tokens, 10%: /);
  });

  it("only prints without a limit, and passes when it got faster", async () => {
    expect(await report("--compare", "before.json", "slower.json")).toMatchObject({ exitCode: 0 });
    const faster = await report("--compare", "slower.json", "before.json", "--fail-over", "0%");
    expect(faster).toMatchObject({ exitCode: 0 });
  });

  it("has JSON for programs, with the results that are too slow", async () => {
    const { exitCode, stdout } = await report("--compare", "before.json", "slower.json", "--fail-over", "1%", "--json");
    const found = JSON.parse(stdout);
    expect(exitCode).toBe(1);
    expect(found).toMatchObject({ before: "before", after: "slower", failOver: 0.01, onlyBefore: [], onlyAfter: [] });
    expect(found.changes).toHaveLength(6);
    expect(found.slower.map(({ after }: { after: { tokens: number } }) => after.tokens)).toEqual([4, 4]);
  });

  it("takes records of different GPUs only when told to", async () => {
    const refused = await report("--compare", "before.json", "h100.json");
    expect(refused).toMatchObject({
      exitCode: 2,
      stdout: "",
      stderr: expect.stringMatching(/^error\[TS7008\]: before /),
    });
    expect(await report("--compare", "before.json", "h100.json", "--allow-different-gpus")).toMatchObject({
      exitCode: 0,
    });
  });

  it.each([
    ["one record", ["before.json"], /^error\[TS7006\]: --compare takes two records, .*; 1 given\./],
    ["three records", ["before.json", "slower.json", "few.json"], /^error\[TS7006\].* 3 given\./],
    ["--out", ["before.json", "slower.json", "--out", "page.html"], /^error\[TS1003\]: .*--compare.* cannot be used/],
    ["a limit without %", ["before.json", "slower.json", "--fail-over", "5"], /^error\[TS1003\]: .*such as 5%/],
    ["a negative limit", ["before.json", "slower.json", "--fail-over=-5%"], /^error\[TS1003\]: .*such as 5%/],
  ])("refuses %s", async (_, argv, stderr) => {
    const result = await report("--compare", ...argv);
    expect(result).toMatchObject({ exitCode: 2, stdout: "", stderr: expect.stringMatching(stderr) });
    expect(await written()).toEqual([]);
  });

  it("fails when there is nothing to compare", async () => {
    const result = await report("--compare", "before.json", "few.json", "--fail-over", "5%");
    expect(result).toMatchObject({ exitCode: 2, stderr: expect.stringMatching(/^error\[TS7009\]: before and few /) });
    expect(result.stdout).toMatch(/^Only in few:$/m);
  });
});
