import { describe, expect, it } from "vitest";
import { didYouMean, suggest } from "../../../generators/suggest.ts";

describe("suggest", () => {
  it.each([
    ["buld", "build"],
    ["bulid", "build"],
    ["BUILD", "build"],
    ["clea", "clean"],
    ["sm_90", "sm_90a"],
    ["sm_81", "sm_80"],
    ["zzz", undefined],
    ["", undefined],
  ])("for %j is %j", (word, expected) => {
    expect(suggest(word, ["build", "clean", "cache", "sm_80", "sm_90a"])).toBe(expected);
  });

  it("becomes a sentence, or nothing", () => {
    expect(didYouMean("buld", ["build"])).toBe('Did you mean "build"? ');
    expect(didYouMean("x", ["build"])).toBe("");
  });
});
