import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { entryPointsText, metadataText, pythonVersion, wheelName } from "../../../generators/package/wheel/metadata.ts";
import { recordProblems, recordText } from "../../../generators/package/wheel/record.ts";
import { readZip, writeZip } from "../../../generators/package/wheel/zip.ts";

const text = (content: string): Uint8Array => Buffer.from(content);

describe("the archive", () => {
  it("gives back what was written", async () => {
    const name = fc.stringMatching(/^[a-z]{1,8}(\/[a-z]{1,8})?\.py$/);
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, fc.uint8Array({ maxLength: 2000 })), async (content) => {
        const files = new Map(Object.entries(content));
        const read = await readZip(await writeZip(files));
        expect([...read.keys()]).toEqual([...files.keys()]);
        for (const [path, bytes] of files) expect(Buffer.compare(read.get(path) ?? text("?"), bytes)).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it("has the same bytes in every time zone and at every time", async () => {
    const files = new Map([["a", text("content")]]);
    const zone = process.env.TZ;
    try {
      process.env.TZ = "America/New_York";
      const west = await writeZip(files);
      process.env.TZ = "Asia/Tokyo";
      expect(Buffer.compare(await writeZip(files), west)).toBe(0);
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });

  it("refuses what is no archive, cut short, or leads out of it", async () => {
    const whole = await writeZip(new Map([["aa/b", text("content".repeat(100))]]));
    await expect(readZip(text("no archive"))).rejects.toThrow();
    await expect(readZip(whole.subarray(0, whole.length - 10))).rejects.toThrow();
    const evil = Buffer.from(Buffer.from(whole).toString("latin1").replaceAll("aa/b", "../b"), "latin1");
    await expect(readZip(evil)).rejects.toThrow("invalid relative path");
  });
});

describe("RECORD", () => {
  const files = new Map([
    ["p/a.py", text("a")],
    ["p/b.so", text("b")],
  ]);
  const sealed = new Map([...files, ["i/RECORD", text(recordText(files, "i/RECORD"))]]);

  it("has a line for each file, with the unpadded digest that installers expect", () => {
    expect(recordText(files, "i/RECORD").split("\n")).toEqual([
      "p/a.py,sha256=ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs,1",
      "p/b.so,sha256=PiPoFgA5WUoziU9lZOGxNIu9egCI1CxKy3PurtWcAJ0,1",
      "i/RECORD,,",
      "",
    ]);
  });

  it("is borne out by the files it was written for", () => {
    expect(recordProblems(sealed, "i/RECORD")).toEqual([]);
  });

  it.each([
    ["a changed file", "p/a.py", text("A"), "p/a.py does not have the size and digest"],
    ["a longer file", "p/a.py", text("aa"), "p/a.py does not have the size and digest"],
    ["a file more", "p/c.py", text(""), "RECORD does not list p/c.py"],
  ])("finds %s", (_what, path, bytes, problem) => {
    expect(recordProblems(new Map([...sealed, [path, bytes]]), "i/RECORD")).toEqual([expect.stringContaining(problem)]);
  });

  it("finds a file less and its own absence", () => {
    const less = new Map([...sealed].filter(([path]) => path !== "p/a.py"));
    expect(recordProblems(less, "i/RECORD")).toEqual(["RECORD lists p/a.py, which is absent"]);
    expect(recordProblems(files, "i/RECORD")).toEqual(["i/RECORD is missing"]);
  });
});

describe("the metadata", () => {
  it("has the PEP 440 form of the version", () => {
    expect(["0.1.0", "1.2.3-rc.4", "1.2.3-alpha.0"].map(pythonVersion)).toEqual(["0.1.0", "1.2.3rc4", "1.2.3a0"]);
    expect(() => pythonVersion("1.2")).toThrow("no PEP 440 form");
  });

  it("requires the tvm-ffi that the library loads under, and leaves torch to the server", () => {
    expect(metadataText("0.1.0")).toMatch(/^Requires-Dist: apache-tvm-ffi<0\.2,>=0\.1\.9$/m);
    expect(metadataText("0.1.0")).not.toContain("torch");
    expect(wheelName("0.1.0", "manylinux_2_35_x86_64")).toBe("turbosparse-0.1.0-py3-none-manylinux_2_35_x86_64.whl");
  });

  it("names the adapters of the engines, as the adapters' own tests install them", async () => {
    const installed = "test/python/vllm/installed/turbosparse-0.0.0.dist-info/entry_points.txt";
    expect(entryPointsText(["vllm"])).toBe(await readFile(installed, "utf8"));
  });
});
