import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { plan } from "../../generators/plan/plan.ts";
import { render } from "../../generators/render/render.ts";
import { readTemplates } from "../support/read-templates.ts";
import { denseModel, gateFirstModel, moeModel, resolvedConfig } from "../support/resolved-config.ts";

const here = fileURLToPath(new URL(".", import.meta.url));

const configs = [
  resolvedConfig({ models: [denseModel()], archs: ["sm_80", "sm_90a"] }),
  resolvedConfig({ models: [moeModel()], archs: ["sm_80", "sm_90a"] }),
  resolvedConfig({
    models: [gateFirstModel({ name: "gate-first-fp16", dtype: "fp16", hidden: 1536, intermediate: 3840 })],
    archs: ["compute_80"],
    tokens: { min: 1, max: 16 },
  }),
];

/** `vitest run test/golden -u` rewrites the files; the diff is what a reviewer reads. */
describe.each(configs.map((config) => [config.models[0]?.name ?? "", config] as const))("%s", (name, config) => {
  const files = render(plan(config), readTemplates());

  test.each([...files])("%s", async (path, text) => {
    await expect(text).toMatchFileSnapshot(`${here}${name}/${path}`);
  });

  test("has no golden file that is not generated", () => {
    const golden = readdirSync(`${here}${name}/kernels`).map((file) => `kernels/${file}`);
    expect(golden.sort()).toEqual([...files.keys()]);
  });
});
