import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { archForCapability, parseArch, parseArchs } from "../../../generators/config/archs.ts";
import { archs } from "../../../generators/plan/types.ts";

const someArchs = fc.array(fc.constantFrom(...archs), { minLength: 1 });

describe("parseArchs", () => {
  it("gives the same list for every order and repetition", () => {
    fc.assert(
      fc.property(someArchs, fc.array(fc.nat()), (list, keys) => {
        const shuffled = [...list, ...list].sort(
          (a, b) => (keys[a.length] ?? 0) - (keys[b.length] ?? 0) || (a < b ? 1 : -1),
        );
        expect(parseArchs(shuffled, "--arch")).toEqual(parseArchs(list, "--arch"));
        expect(new Set(parseArchs(list, "--arch"))).toEqual(new Set(list));
      }),
    );
  });

  it("accepts no other text", () => {
    const words = fc.oneof(
      fc.string(),
      fc.constantFrom(...archs).chain((arch) => fc.constantFrom(`${arch} `, arch.slice(0, -1), arch.toUpperCase())),
    );
    fc.assert(
      fc.property(words, (text) => {
        fc.pre(!archs.some((arch) => arch === text));
        expect(() => parseArch(text, "--arch")).toThrow(expect.objectContaining({ code: "TS1201", exit: "usage" }));
      }),
    );
  });

  it("says what was probably meant", () => {
    expect(() => parseArch("sm_90", "--arch")).toThrow(
      expect.objectContaining({
        message: '--arch: unknown architecture "sm_90".',
        hint: expect.stringMatching(/^Did you mean "sm_90a"\? Known architectures: sm_80, /),
      }),
    );
  });

  it("refuses an empty list", () => {
    expect(() => parseArchs([], "--arch")).toThrow(expect.objectContaining({ code: "TS1202" }));
  });
});

describe("archForCapability", () => {
  it.each([
    ["8.0", "sm_80"],
    ["8.6", "sm_86"],
    ["8.9", "sm_89"],
    [" 9.0 ", "sm_90a"],
    ["10.0", "sm_100a"],
    ["12.0", "sm_120a"],
    ["7.5", undefined],
    // sm_100a code runs on 10.0 only.
    ["10.3", undefined],
    ["toString", undefined],
  ])("maps %s to %s", (capability, arch) => {
    expect(archForCapability(capability)).toBe(arch);
  });
});
