import Handlebars from "handlebars";
import { expect, test } from "vitest";
import type { FfnStreamContext } from "../../../generators/render/contexts.ts";
import { createRenderer } from "../../../generators/render/engine.ts";

const name = "ffn_stream.cu.hbs";
/** Renders what no template of this package may say, with contexts that its types do not allow. */
const attempt = (source: string, context: object) =>
  createRenderer(new Map([[name, source]]))(name, context as FfnStreamContext);

test("text is written as it is", () => {
  expect(attempt("{{a}}<{{#each l}}{{b}};{{/each}}", { a: "x<y>&", l: [{ b: "1" }, { b: "2" }] })).toBe("x<y>&<1;2;");
});

test("two numbers side by side are not added", () => {
  expect(attempt("{{a}}{{b}}", { a: "9", b: "0" })).toBe("90");
});

test.each([
  ["{{missing}}", {}, "missing is not in the template's context"],
  ["{{#if missing}}{{/if}}", {}, "missing is not in the template's context"],
  ["{{#each l}}{{missing}}{{/each}}", { l: [{}] }, "l[0]: missing is not in the template's context"],
  ["{{a}}", { a: undefined }, "a is neither a string nor a list"],
  ["{{a}}", { a: 9 }, "a is neither a string nor a list"],
  ["{{toString}}", {}, "toString"],
  ["{{constructor}}", {}, "constructor"],
  ["{{lookup l a}}", { l: [], a: "0" }, "lookup"],
  ["{{#with a}}{{/with}}", { a: "" }, "with"],
  ["{{log a}}", { a: "" }, "log"],
])("%s of %j throws", (source, context, message) => {
  expect(() => attempt(source, context)).toThrow(message);
});

test("a helper that someone registers globally does not reach the templates", () => {
  Handlebars.registerHelper("shout", (text: string) => text.toUpperCase());
  try {
    expect(() => attempt("{{shout a}}", { a: "x" })).toThrow("shout");
  } finally {
    Handlebars.unregisterHelper("shout");
  }
});

test("a template that the installation lacks is an error with a code", () => {
  expect(() => createRenderer(new Map())(name, { instances: [] })).toThrow(
    expect.objectContaining({ code: "TS3101", exit: "internal" }),
  );
});
