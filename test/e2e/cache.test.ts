import { mkdir, readdir, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { buildWorld } from "../support/build-world.ts";

interface Item {
  readonly kind: string;
  readonly key: string;
  readonly label: string;
  readonly bytes: number;
}

async function built() {
  const world = await buildWorld();
  await world.build();
  const list = async (): Promise<Item[]> => JSON.parse((await world.run(["cache", "list", "--json"])).stdout);
  const folderOf = ({ kind, key }: Item): string => join(world.cache, "v1", kind, key.slice(0, 2), key);
  return { ...world, list, folderOf };
}

describe("cache", () => {
  it("says where it is without making it", async () => {
    const { run, folder, cache } = await buildWorld();
    expect((await run(["cache", "dir"])).stdout).toBe(cache);
    const elsewhere = join(folder, "elsewhere");
    expect((await run(["cache", "dir"], { TURBOSPARSE_CACHE: elsewhere })).stdout).toBe(elsewhere);
    expect(JSON.parse((await run(["cache", "list", "--json"], { TURBOSPARSE_CACHE: elsewhere })).stdout)).toEqual([]);
    await expect(stat(elsewhere)).rejects.toThrow("ENOENT");
  });

  it("lists objects, library, wheel and toolchain, all intact", async () => {
    const { run, list } = await built();
    const items = await list();
    expect(new Set(items.map(({ kind }) => kind))).toEqual(new Set(["objects", "libraries", "wheels", "toolchains"]));
    expect(items.map(({ label }) => label)).toContain("kernels/dispatch.cu");
    expect(await run(["cache", "verify"])).toMatchObject({
      exitCode: 0,
      stdout: `${items.length} entries, all intact`,
    });
  });

  it("names a damaged entry, ends with 6, and prunes it", async () => {
    const { run, list, folderOf } = await built();
    const object = (await list()).find(({ kind }) => kind === "objects") as Item;
    await truncate(join(folderOf(object), "unit.o"), 10);
    const verified = await run(["cache", "verify"]);
    expect(verified.stdout).toMatch(new RegExp(`^objects/${object.key}: unit\\.o has 10 bytes instead of \\d+$`));
    expect(verified).toMatchObject({ exitCode: 6, stderr: expect.stringContaining("error[TS6004]") });
    expect(await run(["cache", "prune", "--dry-run"])).toMatchObject({ exitCode: 0 });
    await stat(folderOf(object));
    expect((await run(["cache", "prune"])).stdout).toContain(object.key.slice(0, 12));
    await expect(stat(folderOf(object))).rejects.toThrow("ENOENT");
    expect(await run(["cache", "verify"])).toMatchObject({ exitCode: 0 });
    expect(await run(["cache", "prune"])).toMatchObject({ exitCode: 4 });
  });

  it("prunes what was not used for long, dead builds' folders included, and a build keeps alive what it uses", async () => {
    const { build, run, list, folderOf, cache, compiled } = await built();
    const old = new Date(Date.now() - 40 * 24 * 3600 * 1000);
    for (const item of await list()) await utimes(join(folderOf(item), "entry.json"), old, old);
    const dead = join(cache, "v1/tmp/work-dead");
    await mkdir(dead);
    await writeFile(join(dead, "half.o"), "x");
    await utimes(dead, old, old);
    await build();
    await compiled();
    await run(["cache", "prune"]);
    await expect(stat(dead)).rejects.toThrow("ENOENT");
    const kept = new Set((await list()).map(({ kind }) => kind));
    expect(kept.has("objects") && kept.has("libraries") && kept.has("wheels")).toBe(true);
    await build();
    expect(await compiled()).toEqual([]);
    expect(await run(["cache", "prune", "--older-than", "0"])).toMatchObject({ exitCode: 0 });
    expect(await list()).toEqual([]);
  });

  it("is emptied by clear", async () => {
    const { run, list, cache } = await built();
    const count = (await list()).length;
    await run(["cache", "clear", "--dry-run"]);
    expect(await list()).toHaveLength(count);
    expect(await run(["cache", "clear"])).toMatchObject({ exitCode: 0 });
    expect(await list()).toEqual([]);
    expect(await readdir(join(cache, "v1/tmp"))).toEqual([]);
    expect(await run(["cache", "clear"])).toMatchObject({ exitCode: 4 });
  });

  it("refuses an unknown action and a negative age with 2", async () => {
    const { run } = await buildWorld();
    expect(await run(["cache", "empty"])).toMatchObject({ exitCode: 2 });
    expect(await run(["cache", "prune", "--older-than", "-1"])).toMatchObject({ exitCode: 2 });
  });
});

describe("clean", () => {
  it("removes what the generator wrote and nothing else", async () => {
    const { build, run, folder } = await built();
    await writeFile(join(folder, "dist/mine.whl"), "");
    expect((await run(["clean", "--dry-run"])).stdout).toMatch(/^dist\/turbosparse-.*\.whl$/);
    expect(await readdir(join(folder, "dist"))).toHaveLength(2);
    expect(await run(["clean"])).toMatchObject({ exitCode: 0 });
    expect(await readdir(join(folder, "dist"))).toEqual(["mine.whl"]);
    expect(await run(["clean"])).toMatchObject({ exitCode: 4 });
    await rm(join(folder, "dist/mine.whl"));
    await build();
    await run(["clean"]);
    await expect(stat(join(folder, "dist"))).rejects.toThrow("ENOENT");
  });
});

describe("doctor", () => {
  it("finds the compilers it would use and turns every failure into a value, without writing", async () => {
    const { run, folder } = await buildWorld();
    const vars = { TURBOSPARSE_CACHE: join(folder, "none"), TURBOSPARSE_PYTHON: "no-such-python" };
    const { stdout, exitCode } = await run(["doctor", "--json"], vars);
    const findings = JSON.parse(stdout);
    expect(exitCode).toBe(0);
    expect(findings["nvcc of CUDA_HOME"]).toMatchObject({ ok: true, detail: expect.stringContaining("13.0.88") });
    expect(findings.python).toEqual({ ok: false, detail: "no-such-python was not found" });
    expect(findings["nvcc in the cache"].ok).toBe(false);
    expect(findings["nvcc of a build"].detail).toMatch(/^that of CUDA_HOME, which is set: /);
    expect(findings.memory.detail).toMatch(/available$/);
    await expect(stat(join(folder, "none"))).rejects.toThrow("ENOENT");
  });
});
