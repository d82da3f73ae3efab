import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addConfigOptions, configOptions } from "../../../generators/cli/config-options.ts";

const parse = (...argv: string[]) =>
  configOptions(addConfigOptions(new Command()).option("--json").parse(argv, { from: "user" }).opts());

describe("configOptions", () => {
  it("is empty when nothing is given", () => {
    expect(parse("--json")).toEqual({});
  });

  it("collects repetitions and comma-separated lists", () => {
    expect(
      parse(
        "--model",
        "a,b",
        "--model",
        "c",
        "--preset",
        "p",
        "--arch",
        "sm_80, sm_89,",
        "--arch",
        "sm_90a",
        "--engine",
        "vllm",
      ),
    ).toEqual({ model: ["a,b", "c"], preset: ["p"], arch: ["sm_80", "sm_89", "sm_90a"], engine: ["vllm"] });
  });

  it("keeps an empty list, which is an error and not a default", () => {
    expect(parse("--arch", "", "--config", "f")).toEqual({ arch: [], config: "f" });
  });
});
