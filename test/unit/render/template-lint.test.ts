import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { allowedHelpers } from "../../../generators/render/engine.ts";
import { allowedBlocks, contextTree } from "../../../scripts/template-contexts/context-tree.ts";
import { contextInterfaces } from "../../../scripts/template-contexts/interfaces.ts";
import { readTemplates } from "../../support/read-templates.ts";

const templates = readTemplates();
const contexts = readFileSync(new URL("../../../generators/render/contexts.ts", import.meta.url), "utf8");
const treesOf = (sources: ReadonlyMap<string, string>) =>
  new Map([...sources].map(([name, source]) => [name, contextTree(name, source)]));

test.each([...templates])("%s has at most 40 lines", (_name, source) => {
  expect(source.trimEnd().split("\n").length).toBeLessThanOrEqual(40);
});

test("the declared contexts have what the templates read and nothing else", () => {
  expect(contexts).toBe(contextInterfaces(treesOf(templates)));
});

test.each([
  ["reads one more key", (source: string) => source.replace("{{hidden}}", "{{hidden}}{{extra}}")],
  ["reads one key less", (source: string) => source.replace("{{hidden}}", "4096")],
])("a template that %s does not agree with the declared contexts", (_what, change) => {
  const name = "union_down.cu.hbs";
  const changed = new Map(templates).set(name, change(templates.get(name) ?? ""));
  expect(contexts).not.toBe(contextInterfaces(treesOf(changed)));
});

test("the walk and the renderer allow the same helpers", () => {
  expect(allowedBlocks).toEqual(allowedHelpers);
});

test.each([
  ["{{{raw}}}", "t.hbs:1: triple mustaches and {{& are not allowed"],
  ["{{&raw}}", "t.hbs:1: triple mustaches and {{& are not allowed"],
  ["ok\n{{lookup a b}}", "t.hbs:2: helpers that print are not allowed"],
  ["{{upper a=b}}", "t.hbs:1: helpers that print are not allowed"],
  ["{{#with a}}{{/with}}", "t.hbs:1: {{#with}} is not one of if, unless, each"],
  ["{{#each a as |b|}}{{c}}{{/each}}", "t.hbs:1: block parameters are not allowed"],
  ["{{#each a b}}{{/each}}", "t.hbs:1: {{#each}} takes one key"],
  ["{{#if (eq a b)}}{{/if}}", "t.hbs:1: only plain keys of the record at hand are allowed"],
  ["{{a.b}}", "t.hbs:1: only plain keys of the record at hand are allowed"],
  ["{{this}}", "t.hbs:1: only plain keys of the record at hand are allowed"],
  ["{{#each a}}{{../b}}{{/each}}", "t.hbs:1: only plain keys of the record at hand are allowed"],
  ["{{#each a}}{{@index}}{{/each}}", "t.hbs:1: only plain keys of the record at hand are allowed"],
  ["{{> partial}}", "t.hbs:1: a PartialStatement is not allowed"],
  ["{{#> partial}}{{/partial}}", "t.hbs:1: a PartialBlockStatement is not allowed"],
  ["{{#*inline 'x'}}{{/inline}}", "t.hbs:1: a DecoratorBlock is not allowed"],
  ["{{a}}{{#each a}}{{/each}}", 't.hbs:1: "a" is text and cannot be a list'],
  ["{{#each a}}{{/each}}{{a}}", 't.hbs:1: "a" is a list and cannot be printed'],
  ["{{#if a}}{{a}}{{/if}}", 't.hbs:1: "a" is tested but is not a list; text is always there'],
])("%s is refused", (source, message) => {
  expect(() => contextTree("t.hbs", source)).toThrow(message);
});

test("keys are found in every branch and in both uses of a list", () => {
  const source = "{{#if l}}{{a}}{{else}}{{b}}{{/if}}{{#each l}}{{c}}{{/each}}{{#each l}}{{d}}{{else}}{{e}}{{/each}}";
  const tree = contextTree("t.hbs", source);
  expect([...tree.keys()].sort()).toEqual(["a", "b", "e", "l"]);
  expect(tree.get("l")).toEqual(
    new Map([
      ["c", "text"],
      ["d", "text"],
    ]),
  );
});
