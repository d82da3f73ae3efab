import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cppFiles } from "../../../generators/package/bundle/cpp.ts";
import { writeBundle } from "../../../generators/package/bundle/write.ts";
import { readPackageInputs } from "../../../generators/package/inputs.ts";
import { testEnv } from "../../support/env.ts";

const files = (library: string): Map<string, Uint8Array> =>
  new Map([
    ["lib/a.so", Buffer.from(library)],
    ["manifest.json", Buffer.from("{}")],
  ]);

async function world() {
  const env = await testEnv();
  const out = join(env.cwd, "dist");
  return {
    out,
    write: (library: string, fs = env.fs) => writeBundle(fs, out, "bundle", files(library)),
    content: () => readFile(join(out, "bundle/lib/a.so"), "utf8"),
    fs: env.fs,
  };
}

describe("writeBundle", () => {
  it("writes a folder that others may read, and leaves the same one alone", async () => {
    const { write, content, out } = await world();
    expect(await write("one")).toBe(false);
    expect(await content()).toBe("one");
    expect(await readdir(out)).toEqual(["bundle"]);
    expect((await stat(join(out, "bundle"))).mode & 0o055).toBe(0o055 & ~process.umask());
    const { ino } = await stat(join(out, "bundle"));
    expect(await write("one")).toBe(true);
    expect((await stat(join(out, "bundle"))).ino).toBe(ino);
  });

  it("replaces an earlier bundle as a whole", async () => {
    const { write, content, out } = await world();
    await write("one");
    await writeFile(join(out, "bundle/old.h"), "of an earlier version");
    expect(await write("two")).toBe(false);
    expect(await content()).toBe("two");
    expect(await readdir(join(out, "bundle"))).toEqual(["lib", "manifest.json"]);
    expect(await readdir(out)).toEqual(["bundle"]);
  });

  it.each(["file", "folder"])("leaves a %s of the user's alone", async (kind) => {
    const { write, out } = await world();
    await mkdir(kind === "file" ? out : join(out, "bundle"), { recursive: true });
    await writeFile(join(out, kind === "file" ? "bundle" : "bundle/mine.txt"), "mine");
    await expect(write("one")).rejects.toMatchObject({ code: "TS5004", exit: "environment" });
    expect(await readFile(join(out, kind === "file" ? "bundle" : "bundle/mine.txt"), "utf8")).toBe("mine");
    expect(await readdir(out)).toEqual(["bundle"]);
  });

  it.each([
    ["ENOSPC", "TS5003"],
    ["EACCES", "TS5002"],
  ])("keeps the earlier bundle and nothing half-written on %s", async (cause, code) => {
    const { write, content, out, fs } = await world();
    await write("one");
    const failing: typeof fs = {
      ...fs,
      writeAtomic: async (path, data) => {
        if (path.endsWith("manifest.json")) throw Object.assign(new Error(cause), { code: cause });
        await fs.writeAtomic(path, data);
      },
    };
    await expect(write("two", failing)).rejects.toMatchObject({ code });
    expect(await content()).toBe("one");
    expect(await readdir(out)).toEqual(["bundle"]);
  });
});

describe("cppFiles", () => {
  it("has the operators' headers with all they include, the CMake package and the example", async () => {
    const inputs = await readPackageInputs(await testEnv());
    expect([...cppFiles(inputs).keys()].sort()).toEqual([
      "include/turbosparse/args.h",
      "include/turbosparse/operators.h",
      "include/turbosparse/types.h",
      "lib/cmake/turbosparse/turbosparseConfig.cmake",
      "lib/cmake/turbosparse/turbosparseConfigVersion.cmake",
      "share/turbosparse/example/CMakeLists.txt",
      "share/turbosparse/example/ffn.cc",
    ]);
  });
});
