import { appendFile, mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  damagedEntries,
  isIntact,
  listEntries,
  removeEntry,
  staleTempFolders,
} from "../../../generators/compile/cache/inventory.ts";
import { cacheRoot } from "../../../generators/compile/cache/location.ts";
import { entryFolder, openStore, tempRoot } from "../../../generators/compile/cache/store.ts";
import type { Env } from "../../../generators/io/env.ts";
import { testEnv } from "../../support/env.ts";

const key = "ab".repeat(32);

async function open() {
  const env = await testEnv();
  const world: Env = { ...env, vars: { TURBOSPARSE_CACHE: "cache" } };
  const notes: string[] = [];
  const store = await openStore(world, (text) => notes.push(text));
  const publish = (content: string) =>
    store.publish("objects", key, "kernels/a.cu", (folder) => writeFile(join(folder, "unit.o"), content));
  const read = async () => (await store.read("objects", key))?.files.get("unit.o")?.toString();
  return {
    env: world,
    store,
    notes,
    publish,
    read,
    root: cacheRoot(world),
    folder: entryFolder(cacheRoot(world), "objects", key),
  };
}

describe("cacheRoot", () => {
  it("is TURBOSPARSE_CACHE, else the XDG folder, else ~/.cache", () => {
    const of = (vars: Record<string, string>) => cacheRoot({ vars, cwd: "/w" });
    expect(of({ TURBOSPARSE_CACHE: "/c", XDG_CACHE_HOME: "/x", HOME: "/h" })).toBe("/c");
    expect(of({ TURBOSPARSE_CACHE: "c" })).toBe("/w/c");
    expect(of({ XDG_CACHE_HOME: "/x", HOME: "/h" })).toBe("/x/turbosparse-plugin");
    expect(of({ XDG_CACHE_HOME: "x", HOME: "/h" })).toBe("/h/.cache/turbosparse-plugin");
    expect(() => of({})).toThrow("TURBOSPARSE_CACHE, XDG_CACHE_HOME and HOME are all unset");
  });
});

describe("the store", () => {
  it("reads back what it published and leaves nothing temporary", async () => {
    const { publish, read, root } = await open();
    expect(await read()).toBeUndefined();
    await publish("object");
    expect(await read()).toBe("object");
    expect(await readdir(tempRoot(root))).toEqual([]);
  });

  it("keeps the first of two publications", async () => {
    const { publish, read } = await open();
    await Promise.all([publish("one"), publish("one")]);
    await publish("two");
    expect(await read()).toBe("one");
  });

  it("publishes nothing when filling fails", async () => {
    const { store, read, root } = await open();
    const failing = store.publish("objects", key, "x", async (folder) => {
      await writeFile(join(folder, "unit.o"), "half");
      throw new Error("stopped");
    });
    await expect(failing).rejects.toThrow("stopped");
    expect(await read()).toBeUndefined();
    expect(await readdir(tempRoot(root))).toEqual([]);
  });

  const damages: Record<string, (folder: string) => Promise<void>> = {
    "a truncated file": (folder) => truncate(join(folder, "unit.o"), 3),
    "an altered file": (folder) => writeFile(join(folder, "unit.o"), "OBJECT"),
    "a longer file": (folder) => appendFile(join(folder, "unit.o"), "x"),
    "a truncated description": (folder) => truncate(join(folder, "entry.json"), 20),
    "an empty description": (folder) => truncate(join(folder, "entry.json"), 0),
    "a description of another entry": async (folder) => {
      const text = await readFile(join(folder, "entry.json"), "utf8");
      await writeFile(join(folder, "entry.json"), text.replace(key, "cd".repeat(32)));
    },
  };
  for (const [what, damage] of Object.entries(damages)) {
    it(`evicts ${what}, says so, and takes it again`, async () => {
      const { publish, read, notes, folder, env, root } = await open();
      await publish("object");
      await damage(folder);
      expect(await isIntact(env.fs, root, "objects", key)).toBe(false);
      expect((await damagedEntries(env.fs, root)).map((item) => item.key)).toEqual([key]);
      expect(await read()).toBeUndefined();
      expect(notes).toEqual([expect.stringMatching(/is damaged \(.+\): it is built anew/)]);
      expect(await env.fs.stat(folder)).toBeUndefined();
      await publish("object");
      expect(await read()).toBe("object");
    });
  }

  it("names the reason when the cache folder is no folder", async () => {
    const env = await testEnv();
    await writeFile(join(env.cwd, "file"), "");
    const opening = openStore({ ...env, vars: { TURBOSPARSE_CACHE: "file/cache" } }, () => {});
    await expect(opening).rejects.toMatchObject({ code: "TS6003", exit: "cache" });
  });

  it("builds into a temporary overlay where it cannot write, reads through it and removes it", async () => {
    const { env, publish, root } = await open();
    await publish("object");
    const notes: string[] = [];
    const readOnly: Env = {
      ...env,
      vars: { ...env.vars, TMPDIR: env.cwd },
      fs: { ...env.fs, isWritable: async () => false },
    };
    const store = await openStore(readOnly, (text) => notes.push(text));
    expect(notes[0]).toContain("read-only");
    expect((await store.read("objects", key))?.folder.startsWith(root)).toBe(true);
    const other = "cd".repeat(32);
    const folder = await store.publish("objects", other, "x", (staged) => writeFile(join(staged, "unit.o"), "new"));
    expect(folder.startsWith(root)).toBe(false);
    expect((await store.read("objects", other))?.files.get("unit.o")?.toString()).toBe("new");
    await store.close();
    expect(await env.fs.stat(folder)).toBeUndefined();
    expect(await isIntact(env.fs, root, "objects", other)).toBe(false);
  });
});

describe("the inventory", () => {
  it("lists entries with their sizes and removes them whole", async () => {
    const { env, publish, root } = await open();
    await publish("object");
    expect(await listEntries(env.fs, root)).toEqual([
      expect.objectContaining({ kind: "objects", key, label: "kernels/a.cu", bytes: 6 }),
    ]);
    await removeEntry(env.fs, root, "objects", key);
    expect(await listEntries(env.fs, root)).toEqual([]);
    expect(await readdir(tempRoot(root))).toEqual([]);
  });

  it("is empty for an absent cache", async () => {
    const env = await testEnv();
    expect(await listEntries(env.fs, join(env.cwd, "none"))).toEqual([]);
  });

  it("finds the temporary folders that nothing was written to since", async () => {
    const { env, root } = await open();
    await mkdir(join(tempRoot(root), "work-dead"));
    expect(await staleTempFolders(env.fs, root, Date.now() - 60_000)).toEqual([]);
    expect(await staleTempFolders(env.fs, root, Date.now() + 60_000)).toEqual([join(tempRoot(root), "work-dead")]);
  });
});
