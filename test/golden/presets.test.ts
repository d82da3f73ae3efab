import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { presets } from "../../generators/model/presets.ts";
import { plan } from "../../generators/plan/plan.ts";
import { render } from "../../generators/render/render.ts";
import { readTemplates } from "../support/read-templates.ts";
import { resolvedConfig } from "../support/resolved-config.ts";

const here = fileURLToPath(new URL(".", import.meta.url));

/** `vitest run test/golden -u` rewrites the files; the diff is what a reviewer reads. */
describe.each([...presets])("%s", (name, model) => {
  const files = render(plan(resolvedConfig({ models: [model], archs: ["sm_80", "sm_90a"] })), readTemplates());

  test.each([...files])("%s", async (path, text) => {
    await expect(text).toMatchFileSnapshot(`${here}${name}/${path}`);
  });

  test("has no golden file that is not generated", () => {
    const golden = readdirSync(`${here}${name}/kernels`).map((file) => `kernels/${file}`);
    expect(golden.sort()).toEqual([...files.keys()]);
  });
});
