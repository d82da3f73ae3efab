import { describe, expect, test } from "vitest";
import { cIdent, cInt, cString, cType } from "../../../generators/render/formatters.ts";

describe("cInt", () => {
  test.each([0, 1, -7, 2147483647, -2147483647])("writes %i", (value) => expect(cInt(value)).toBe(String(value)));
  test.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2147483648, -2147483648])("refuses %d", (value) =>
    expect(() => cInt(value)).toThrow(expect.objectContaining({ code: "TS3100", exit: "internal" })),
  );
});

describe("cIdent", () => {
  test.each(["drelu", "_a", "kHidden9"])("writes %s", (value) => expect(cIdent(value)).toBe(value));
  test.each(["", "9a", "a-b", "a b", "a::b", "a;", "a\n", "é"])("refuses %j", (value) =>
    expect(() => cIdent(value)).toThrow("cannot be written as a C++ identifier"),
  );
});

describe("cType", () => {
  test.each(["__half", "turbosparse::Status"])("writes %s", (value) => expect(cType(value)).toBe(value));
  test.each(["", "::a", "a::", "a:b", "a<b>", "int x"])("refuses %j", (value) =>
    expect(() => cType(value)).toThrow("cannot be written as a C++ type"),
  );
});

describe("cString", () => {
  test.each([
    ["", '""'],
    ["a b", '"a b"'],
    ['say "no" \\n', String.raw`"say \"no\" \\n"`],
  ])("writes %j", (value, text) => expect(cString(value)).toBe(text));
  test.each(["line\nbreak", "tab\t", "é", "\u0000"])("refuses %j", (value) =>
    expect(() => cString(value)).toThrow("cannot be written as a C++ string literal"),
  );
});
