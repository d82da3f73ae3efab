import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };

describe("the packed tarball", () => {
  let folder: string;
  let files: string[];
  let name: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "turbosparse-pack-"));
    // Without scripts: lib/ is fresh already, and other tests run from it meanwhile.
    const packed = await execa("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder]);
    const [entry]: [{ filename: string; files: { path: string }[] }] = JSON.parse(packed.stdout);
    files = entry.files.map(({ path }) => path);
    name = entry.filename;
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("holds what a build needs", () => {
    expect(files).toEqual(
      expect.arrayContaining([
        "lib/main.mjs",
        "templates/dispatch.cu.hbs",
        "kernels/include/turbosparse/types.h",
        "kernels/bindings/tensorrt/plugin.cc",
        "bundles/cpp/lib/cmake/turbosparse/turbosparseConfig.cmake",
        "plugins/turbosparse/__init__.py",
        "docs/turbosparse.schema.json",
        "LICENSE",
      ]),
    );
  });

  it("holds no sources of the generator, tests or caches", () => {
    expect(files.filter((path) => /^(generators|test|scripts)\/|__pycache__|\.pyc$/.test(path))).toEqual([]);
  });

  it("builds a wheel in a folder of its own that passes verify", async () => {
    // npx keeps what it installs in its cache for good; this one goes with the folder.
    const env = { npm_config_cache: join(folder, "npm-cache") };
    const npx = (...args: string[]) => execa("npx", ["--yes", `./${name}`, ...args], { cwd: folder, env });
    expect((await npx("--version")).stdout).toBe(packageJson.version);
    const build = await npx("build", "--preset", "turbosparse-mistral-7b", "--arch", "sm_90a");
    expect(build.stderr).not.toContain("wait for each other");
    const wheels = await readdir(join(folder, "dist"));
    expect(wheels).toEqual([expect.stringMatching(`^turbosparse-${packageJson.version}-py3-none-manylinux_.*\\.whl$`)]);
    expect((await npx("verify", join("dist", wheels[0] ?? ""))).exitCode).toBe(0);
  });
});
