import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createNodeFs } from "../../../generators/io/node-fs.ts";

const fs = createNodeFs();
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "turbosparse-fs-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("createNodeFs", () => {
  it("replaces a file atomically with the given mode and leaves no temporary file", async () => {
    const path = join(folder, "a");
    await fs.writeAtomic(path, "one");
    await fs.writeAtomic(path, "two", 0o755);
    expect(await readFile(path, "utf8")).toBe("two");
    expect((await stat(path)).mode & 0o777).toBe(0o755);
    expect(await readdir(folder)).toEqual(["a"]);
  });

  it("leaves no temporary file when the rename fails", async () => {
    await mkdir(join(folder, "taken", "full"), { recursive: true });
    await expect(fs.writeAtomic(join(folder, "taken"), "x")).rejects.toThrow();
    expect(await readdir(folder)).toEqual(["taken"]);
  });

  it("makes folders within folders, once, and not below a file", async () => {
    await Promise.all([fs.makeDir(join(folder, "a/b/c")), fs.makeDir(join(folder, "a/b/d"))]);
    await fs.makeDir(join(folder, "a/b"));
    expect(await readdir(join(folder, "a/b"))).toEqual(["c", "d"]);
    await writeFile(join(folder, "file"), "");
    await expect(fs.makeDir(join(folder, "file"))).rejects.toMatchObject({ code: "EEXIST" });
    await expect(fs.makeDir(join(folder, "file/a"))).rejects.toMatchObject({ code: "EEXIST" });
  });

  it("gives up where the file system takes no folders", async () => {
    await expect(fs.makeDir("/proc/a/b")).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("walks regular files only, sorted, with forward slashes", async () => {
    await mkdir(join(folder, "b", "c"), { recursive: true });
    for (const name of ["b/z", "b/c/y", "a"]) await writeFile(join(folder, name), "");
    await symlink("a", join(folder, "link"));
    expect(await fs.walk(folder)).toEqual(["a", "b/c/y", "b/z"]);
  });

  it("reads a range and says by a shorter result that the file ended", async () => {
    await writeFile(join(folder, "a"), "0123456789");
    expect(Buffer.from(await fs.readRange(join(folder, "a"), 7, 10)).toString()).toBe("789");
  });

  it("tells the kinds of entries apart and an absent one by undefined", async () => {
    await symlink("nowhere", join(folder, "link"));
    expect((await fs.stat(join(folder, "link")))?.kind).toBe("symlink");
    expect((await fs.stat(folder))?.kind).toBe("directory");
    expect(await fs.stat(join(folder, "absent"))).toBeUndefined();
  });

  it("refuses to rename over a directory that has content", async () => {
    for (const name of ["from", "to"]) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, "x"), "");
    }
    await expect(fs.rename(join(folder, "from"), join(folder, "to"))).rejects.toMatchObject({ code: "ENOTEMPTY" });
  });
});
