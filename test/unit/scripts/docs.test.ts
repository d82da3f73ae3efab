import { access, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const inDocs = (await readdir("docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`);

describe.each(["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...inDocs])("%s", (path) => {
  it("links to files that exist", async () => {
    const text = await readFile(path, "utf8");
    const targets = [...text.matchAll(/\]\((?!https:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, target]) => target ?? "");
    for (const target of targets) await access(join(dirname(path), target));
  });
});

describe("README.md", () => {
  it("gives the line that .ci/run runs", async () => {
    const run = await readFile(".ci/run", "utf8");
    const line = run.trimEnd().split("\n").at(-1) ?? "";
    expect(line).toMatch(/npm test$/);
    expect(await readFile("README.md", "utf8")).toContain(`\`\`\`bash\n${line}\n\`\`\``);
  });
});
