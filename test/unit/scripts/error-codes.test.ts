import { readdir, readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { documentedCodes, errorCodes } from "../../../scripts/docs/error-codes.ts";

describe("docs/troubleshooting.md", () => {
  it("has one section for each error code of the sources, sorted, and no other", async () => {
    const names = (await readdir("generators", { recursive: true })).filter((name) => name.endsWith(".ts"));
    const paths = names.map((name) => `generators/${name}`);
    const files = await Promise.all(paths.map(async (path) => ({ path, text: await readFile(path, "utf8") })));
    const codes = [...errorCodes(files).keys()];
    expect(codes.length).toBeGreaterThan(0);
    expect(documentedCodes(await readFile("docs/troubleshooting.md", "utf8"))).toEqual(codes);
  });
});

describe("errorCodes", () => {
  it("finds codes wherever a stage writes one and ignores tests and look-alikes", () => {
    const codes = errorCodes([
      { path: "generators/b.ts", text: 'fail("TS2001"); const x = { code: "TS1001" };' },
      { path: "generators/a.ts", text: 'fail("TS1001", "TS10012", "see TS1003");' },
      { path: "test/unit/a.test.ts", text: '"TS9999"' },
    ]);
    expect([...codes]).toEqual([
      ["TS1001", ["generators/a.ts", "generators/b.ts"]],
      ["TS2001", ["generators/b.ts"]],
    ]);
  });
});
