import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { ExitCode } from "../../../generators/errors.ts";
import { exitCodes } from "../../../scripts/docs/exit-codes.ts";

describe("exitCodes", () => {
  it("reads every member of ExitCode with its comment", async () => {
    const rows = exitCodes(await readFile("generators/errors.ts", "utf8"));
    expect(Object.fromEntries(rows.map(({ name, code }) => [name, code]))).toEqual(ExitCode);
    for (const { meaning } of rows) expect(meaning).toMatch(/^[A-Z][^*]+\.$/);
  });

  it("refuses a member that says nothing", () => {
    expect(() => exitCodes("export const ExitCode = { ok: 0 } as const;")).toThrow(/ExitCode\.ok/);
  });
});
