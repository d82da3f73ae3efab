import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { dynamicInfo } from "../../../generators/package/elf/dynamic.ts";
import { deviceArchs } from "../../../generators/package/elf/fatbin.ts";
import { type ElfSection, readElf } from "../../../generators/package/elf/file.ts";
import { glibcFloor, platformTag } from "../../../generators/package/elf/glibc.ts";

describe("readElf", () => {
  let node: Uint8Array;
  beforeAll(async () => {
    node = await readFile(process.execPath);
  });

  it("reads what Node's own executable asks of the loader", () => {
    const { needed, versions, undefinedSymbols, exported } = dynamicInfo(readElf(node));
    expect(needed).toContain("libc.so.6");
    expect(versions).toContain("GLIBC_2.2.5");
    expect(undefinedSymbols).toContain("memcpy");
    expect(exported).toContain("napi_create_object");
  });

  it.each([
    ["not an ELF file", (bytes: Uint8Array) => bytes.fill(0, 0, 4)],
    ["not for x86-64", (bytes: Uint8Array) => bytes.fill(0xb7, 18, 19)],
  ])("refuses what is %s", (reason, change) => {
    expect(() => readElf(change(Uint8Array.from(node.subarray(0, 4096))))).toThrow(reason);
  });

  it("refuses a file cut short anywhere", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: node.length - 1 }), (length) => {
        expect(() => readElf(node.subarray(0, length))).toThrow(/it (?:ends before|is not)/);
      }),
      { numRuns: 20 },
    );
  });
});

describe("glibcFloor", () => {
  it("is the newest release asked for, compared as numbers", () => {
    expect(glibcFloor(["GLIBC_2.2.5", "GLIBC_2.35", "GLIBC_2.4", "GLIBC_ABI_DT_RELR", "GCC_9.0"])).toEqual({
      major: 2,
      minor: 35,
    });
    expect(glibcFloor(["GCC_3.0"])).toBeUndefined();
    expect(platformTag({ major: 2, minor: 35 })).toBe("manylinux_2_35_x86_64");
  });
});

/** A fatbin container with one entry for each architecture, as nvcc 13.0 lays it out. */
function container(...entries: { kind: number; arch: number; specific?: boolean }[]): Buffer {
  const payload = 16;
  const body = entries.map(({ kind, arch, specific }) => {
    const entry = Buffer.alloc(64 + payload);
    entry.writeUInt16LE(kind, 0);
    entry.writeUInt32LE(64, 4);
    entry.writeBigUInt64LE(BigInt(payload), 8);
    entry.writeUInt32LE(arch, 28);
    entry.writeUInt32LE(specific ? 0x100011 : 0x11, 40);
    return entry;
  });
  const header = Buffer.alloc(16);
  header.writeUInt32LE(0xba55ed50, 0);
  header.writeUInt16LE(1, 4);
  header.writeUInt16LE(16, 6);
  header.writeBigUInt64LE(BigInt(body.length * (64 + payload)), 8);
  return Buffer.concat([header, ...body]);
}

const section = (content: Uint8Array, name = ".nv_fatbin"): ElfSection => ({
  name,
  type: 1,
  link: 0,
  entrySize: 0,
  content,
});

describe("deviceArchs", () => {
  it("finds every architecture once, machine code and PTX, over several containers with padding between", () => {
    const content = Buffer.concat([
      container({ kind: 2, arch: 90, specific: true }, { kind: 1, arch: 80 }),
      Buffer.alloc(8),
      container({ kind: 2, arch: 80 }, { kind: 2, arch: 90, specific: true }),
    ]);
    expect(deviceArchs([section(content)])).toEqual(["compute_80", "sm_80", "sm_90a"]);
  });

  it("tells sm_90 from sm_90a", () => {
    expect(deviceArchs([section(container({ kind: 2, arch: 90 }))])).toEqual(["sm_90"]);
  });

  it("looks at no other section", () => {
    expect(deviceArchs([section(container({ kind: 2, arch: 90 }), ".data")])).toEqual([]);
  });

  it("refuses a cut container and an unknown kind", () => {
    const whole = container({ kind: 2, arch: 80 });
    expect(() => deviceArchs([section(whole.subarray(0, whole.length - 1))])).toThrow("cut short");
    expect(() => deviceArchs([section(container({ kind: 7, arch: 80 }))])).toThrow("unknown kind");
  });
});
