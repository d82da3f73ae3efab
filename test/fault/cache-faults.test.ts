import { appendFile, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createNodeFs } from "../../generators/io/node-fs.ts";
import { type BuildWorld, buildWorld } from "../support/build-world.ts";

async function wheelOf(world: BuildWorld, out = "dist"): Promise<Uint8Array> {
  const folder = join(world.folder, out);
  const names = (await readdir(folder)).filter((name) => name !== "logs");
  expect(names).toEqual([expect.stringMatching(/^turbosparse-.*\.whl$/)]);
  return readFile(join(folder, names[0] ?? ""));
}

describe("a build that is killed", () => {
  it("leaves a cache that every later build can use, whenever it is", async () => {
    const world = await buildWorld();
    const duration = await timeOf(() => world.build("--out", "measured"));
    const expected = await wheelOf(world, "measured");

    const kills = 12;
    for (let kill = 0; kill < kills; kill++) {
      // Every third starts from nothing; the others go on where the one before was killed.
      if (kill % 3 === 0) await world.run(["cache", "clear"]);
      const running = world.run(["build"], { FAKE_NVCC: "slow" });
      await sleep((duration * (kill + 1)) / kills);
      running.kill("SIGKILL");
      await running;
      expect(await world.run(["cache", "verify"])).toMatchObject({ exitCode: 0 });
      expect((await readdir(world.folder)).includes("dist") ? await readdir(join(world.folder, "dist")) : []).toEqual(
        expect.not.arrayContaining([expect.stringMatching(/^turbosparse-.*\.tmp$/)]),
      );
    }
    await world.build();
    expect(Buffer.compare(await wheelOf(world), expected)).toBe(0);
    // What the killed builds were writing stays until it is certainly dead, and then goes.
    expect(await world.run(["cache", "clear"])).toMatchObject({ exitCode: 0 });
    expect(await readdir(join(world.cache, "v1/tmp"))).toEqual([]);
  });
});

describe("two builds at once", () => {
  it("both succeed with the same wheel and one sound cache", async () => {
    const world = await buildWorld();
    const slow = { FAKE_NVCC: "slow" };
    const [first, second] = await Promise.all([
      world.run(["build", "--out", "a"], slow),
      world.run(["build", "--out", "b"], slow),
    ]);
    expect([first.exitCode, second.exitCode]).toEqual([0, 0]);
    expect(Buffer.compare(await wheelOf(world, "a"), await wheelOf(world, "b"))).toBe(0);
    expect(await world.run(["cache", "verify"])).toMatchObject({ exitCode: 0 });
    expect(await readdir(join(world.cache, "v1/tmp"))).toEqual([]);
  });

  it("both succeed when one empties the cache of damaged entries while the other reads", async () => {
    const world = await buildWorld();
    await world.build();
    for (const path of await payloads(world)) await truncate(path, 1);
    await Promise.all([world.build("--out", "a"), world.build("--out", "b")]);
    expect(Buffer.compare(await wheelOf(world, "a"), await wheelOf(world, "b"))).toBe(0);
  });
});

describe("an entry that was damaged", () => {
  const damages: Record<string, (path: string) => Promise<void>> = {
    truncated: (path) => truncate(path, 5),
    emptied: (path) => truncate(path, 0),
    lengthened: (path) => appendFile(path, "x"),
    "altered in one bit": async (path) => {
      const bytes = await readFile(path);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 4;
      await writeFile(path, bytes);
    },
    removed: (path) => rm(path),
  };

  it.each(Object.entries(damages))("is found and built anew when it was %s", async (_how, damage) => {
    const world = await buildWorld();
    await world.build();
    const expected = await wheelOf(world);
    await world.compiled();
    for (const path of await payloads(world)) await damage(path);
    await rm(join(world.folder, "dist"), { recursive: true });
    expect(await world.build()).toContain("is damaged");
    expect((await world.compiled()).length).toBeGreaterThan(5);
    expect(Buffer.compare(await wheelOf(world), expected)).toBe(0);
    expect(await world.run(["cache", "verify"])).toMatchObject({ exitCode: 0 });
  });

  it("is not passed over when it is part of the installed toolchain", async () => {
    const world = await buildWorld();
    const header = (await toolchainFiles(world)).find((path) => path.endsWith("tvm/ffi/error.h")) ?? "";
    await truncate(header, 10);
    expect(await world.build()).toMatch(/damaged[\s\S]*Install tvm-ffi/);
    expect(await world.run(["cache", "verify"])).toMatchObject({ exitCode: 0 });
  });
});

/** Payload files of everything that builds put into the cache. */
async function payloads(world: BuildWorld): Promise<string[]> {
  const root = join(world.cache, "v1");
  const paths = await createNodeFs().walk(root);
  return paths
    .filter((path) => /^(objects|libraries|wheels)\//.test(path) && !path.endsWith("entry.json"))
    .map((path) => join(root, path));
}

async function toolchainFiles(world: BuildWorld): Promise<string[]> {
  const root = join(world.cache, "v1/toolchains");
  return (await createNodeFs().walk(root)).map((path) => join(root, path));
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}
