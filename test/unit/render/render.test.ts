import { readFileSync } from "node:fs";
import { format } from "@wasm-fmt/clang-format";
import { describe, expect, test } from "vitest";
import type { ModelSpec } from "../../../generators/model/types.ts";
import { plan } from "../../../generators/plan/plan.ts";
import { archs } from "../../../generators/plan/types.ts";
import { render } from "../../../generators/render/render.ts";
import { readTemplates } from "../../support/read-templates.ts";
import { denseModel, gateFirstModel, moeModel, resolvedConfig } from "../../support/resolved-config.ts";

const templates = readTemplates();
const style = readFileSync(new URL("../../../.clang-format", import.meta.url), "utf8");

/** The shortest and the longest names that can be. */
const extremes: readonly ModelSpec[] = [
  denseModel(),
  moeModel({ dtype: "fp16" }),
  gateFirstModel({ name: "short", hidden: 256 }),
  gateFirstModel({ name: "long", hidden: 16384, experts: 64, topK: 8, activation: "drelu" }),
];
const files = render(plan(resolvedConfig({ models: extremes, archs })), templates);

test("paths are sorted and lie under kernels/", () => {
  expect([...files.keys()]).toEqual([...files.keys()].sort());
  expect([...files.keys()].filter((path) => !/^kernels\/[a-z0-9_]+\.cu$/.test(path))).toEqual([]);
});

describe.each([...files])("%s", (path, text) => {
  test("is what clang-format writes", () => {
    expect(text).toBe(format(text, path.replace(/\.cu$/, ".cc"), style));
  });

  test("has no residue of a template", () => {
    expect(text).not.toMatch(/\{\{|\}\}|undefined|\[object|NaN/);
  });
});

test("rendering twice gives the same bytes", () => {
  expect(render(plan(resolvedConfig({ models: extremes, archs })), templates)).toEqual(files);
});

test("the order of models and architectures does not show in the output", () => {
  const config = resolvedConfig({ models: [...extremes].reverse(), archs: [...archs].reverse() });
  expect(render(plan(config), templates)).toEqual(files);
});

test("every instance of a plan is in its group's file and in the dispatch table", () => {
  const dispatch = files.get("kernels/dispatch.cu") ?? "";
  const launches = [...dispatch.matchAll(/^Status (\w+)\(/gm)].map(([, name]) => name);
  const defined = [...files].flatMap(([path, text]) =>
    path.endsWith("dispatch.cu") ? [] : [...text.matchAll(/^Status (\w+)\(/gm)].map(([, name]) => name),
  );
  expect(launches.length).toBeGreaterThan(100);
  expect(launches.sort()).toEqual(defined.sort());
});
