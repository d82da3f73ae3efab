import { describe, expect, it } from "vitest";
import { hygieneProblems } from "../../../scripts/checks/hygiene.ts";

const problems = (text: string) => hygieneProblems([{ path: "docs/a.md", text }]);

describe("hygieneProblems", () => {
  // Put together here so that this file passes the check itself.
  it.each([
    ["/", "home/someone/project"].join(""),
    ["/", "Users/someone"].join(""),
    ["/", "tmp/build"].join(""),
    ["C:", "\\Users\\someone"].join(""),
    ["https://registry.npmjs", ".org/zod"].join(""),
    ["files.pythonhosted", ".org"].join(""),
    ["pip install --extra", "-index-url x"].join(""),
  ])("finds %s and says where", (text) => {
    const found = problems(`first line\nsee ${text} here`);
    expect(found.length).toBeGreaterThan(0);
    expect(found[0]).toMatch(/^docs\/a\.md:2: /);
  });

  it.each(["./tmp/x", "docs/home/page.md", "/usr/local/cuda", "~/.cache/turbosparse-plugin", "node_modules/work/x"])(
    "lets %s pass",
    (text) => {
      expect(problems(text)).toEqual([]);
    },
  );
});
