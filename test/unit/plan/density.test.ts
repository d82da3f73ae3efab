import { expect, test } from "vitest";
import type { ModelSpec } from "../../../generators/model/types.ts";
import { instanceName } from "../../../generators/plan/names.ts";
import { plan } from "../../../generators/plan/plan.ts";
import { render } from "../../../generators/render/render.ts";
import type { FileSet } from "../../../generators/render/types.ts";
import { readTemplates } from "../../support/read-templates.ts";
import { denseModel, moeModel, resolvedConfig } from "../../support/resolved-config.ts";

const templates = await readTemplates();

function generated(model: ModelSpec): { names: string[]; files: FileSet } {
  const built = plan(resolvedConfig({ models: [model] }));
  return { names: built.instances.map(instanceName), files: render(built, templates) };
}

/** Units of kernels that both have and that differ. */
const differing = (a: FileSet, b: FileSet): string[] =>
  [...a.keys()].filter((path) => path !== "kernels/dispatch.cu" && b.has(path) && a.get(path) !== b.get(path));

test("the expected density changes the generated kernels and none of their names", () => {
  const sparse = generated(denseModel({ density: 0.02 }));
  const dense = generated(denseModel({ density: 0.3 }));
  expect(sparse.names).toEqual(dense.names);
  const changed = differing(sparse.files, dense.files);
  expect(changed.length).toBeGreaterThan(0);
  // What finds the active neurons reads every row, whatever the density.
  expect(changed.filter((path) => /support|fc1|select/.test(path))).toEqual([]);
});

test.each([
  ["neurons of an expert", { intermediate: 768 }],
  ["experts of a token", { topK: 1 }],
  ["hidden units of an expert's predictor", { predictorRanks: [2176] }],
])("so does the expected number of %s", (_what, changes) => {
  const usual = generated(moeModel({ density: 0.02, predictorRanks: [1088] }));
  const other = generated(moeModel({ density: 0.02, predictorRanks: [1088], ...changes }));
  expect(differing(usual.files, other.files).length).toBeGreaterThan(0);
});
