import { describe, expect, it } from "vitest";
import { importProblems } from "../../../scripts/checks/imports.ts";

const problems = (path: string, text: string) => importProblems([{ path, text }]);

describe("importProblems", () => {
  it("lets a stage use itself, earlier stages and the vocabulary", () => {
    const text = [
      'import { a } from "./names.ts";',
      'import { b } from "../model/presets.ts";',
      'import type { Env } from "../io/env.ts";',
      'import { TurboSparseError } from "../errors.ts";',
      'import type { FileSet } from "../render/types.ts";',
      'import { createHash } from "node:crypto";',
    ].join("\n");
    expect(problems("generators/plan/plan.ts", text)).toEqual([]);
  });

  it("names file and line of an import from a later stage, also a lazy one", () => {
    const lines = problems("generators/plan/plan.ts", '\nconst later = import("../render/render.ts");');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^generators\/plan\/plan\.ts:2: plan imports generators\/render\/render\.ts/);
  });

  it.each(["node:fs", "node:fs/promises", "node:child_process", "execa"])("keeps %s to generators/io", (module) => {
    const text = `import * as world from "${module}";`;
    expect(problems("generators/compile/cache.ts", text)).toHaveLength(1);
    expect(problems("generators/cli/main.ts", text)).toHaveLength(1);
    expect(problems("generators/io/process.ts", text)).toEqual([]);
  });

  it("starts processes in one module only", () => {
    expect(problems("generators/io/node-fs.ts", 'import { execa } from "execa";')).toHaveLength(1);
    expect(problems("generators/io/node-fs.ts", 'import { open } from "node:fs/promises";')).toEqual([]);
  });

  it("lets only the entry make the Env", () => {
    const text = 'import { createEnv } from "../io/create-env.ts";';
    expect(problems("generators/cli/main.ts", text)).toEqual([]);
    expect(problems("generators/cli/program.ts", text)).toHaveLength(1);
    expect(problems("generators/package/wheel.ts", text)).toHaveLength(1);
  });

  it("keeps imports inside generators/", () => {
    expect(problems("generators/cli/main.ts", 'import x from "../../scripts/x.ts";')).toHaveLength(1);
  });
});
