import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };

describe("the packed tarball", () => {
  let folder: string;
  let files: string[];
  let tarball: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "turbosparse-pack-"));
    // Without scripts: lib/ is fresh already, and other tests run from it meanwhile.
    const packed = await execa("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder]);
    const [entry]: [{ filename: string; files: { path: string }[] }] = JSON.parse(packed.stdout);
    files = entry.files.map(({ path }) => path);
    tarball = join(folder, entry.filename);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("holds what a build needs", () => {
    expect(files).toEqual(
      expect.arrayContaining([
        "lib/main.mjs",
        "templates/dispatch.cu.hbs",
        "kernels/include/turbosparse/types.h",
        "plugins/turbosparse/__init__.py",
        "docs/turbosparse.schema.json",
        "LICENSE",
      ]),
    );
  });

  it("holds no sources of the generator, tests or caches", () => {
    expect(files.filter((path) => /^(generators|test|scripts)\/|__pycache__|\.pyc$/.test(path))).toEqual([]);
  });

  it("runs in an empty folder without building anything of itself", async () => {
    const empty = join(folder, "empty");
    await mkdir(empty);
    // npx keeps what it installs in its cache for good; this one goes with the folder.
    const env = { npm_config_cache: join(folder, "npm-cache") };
    const npx = (...args: string[]) => execa("npx", ["--yes", tarball, ...args], { cwd: empty, env });
    expect((await npx("--version")).stdout).toBe(packageJson.version);
    const planned = await npx("generate", "--list", "--preset", "turbosparse-mistral-7b", "--arch", "sm_90a");
    expect(planned.stdout).toContain("kernels/dispatch.cu");
  });
});
