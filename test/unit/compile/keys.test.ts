import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { libraryKey, unitKey } from "../../../generators/compile/keys.ts";
import type { Unit } from "../../../generators/compile/types.ts";

const unit: Unit = {
  path: "kernels/a.cu",
  archs: ["sm_90a"],
  files: new Map([
    ["kernels/a.cu", "int a;"],
    ["kernels/include/turbosparse/h.cuh", "int h;"],
  ]),
  external: [],
  flags: ["-O3"],
};
const versions = { nvcc: "13.0.88", host: "g++ 12", tvmFfi: "0.1.9" };

describe("unitKey", () => {
  it("is the same for the same input", () => {
    expect(unitKey({ ...unit, files: new Map(unit.files) }, { ...versions })).toBe(unitKey(unit, versions));
  });

  it("changes with any text of any file", () => {
    fc.assert(
      fc.property(fc.constantFrom(...unit.files.keys()), fc.string(), (path, text) => {
        fc.pre(text !== unit.files.get(path));
        const changed = { ...unit, files: new Map([...unit.files, [path, text]]) };
        expect(unitKey(changed, versions)).not.toBe(unitKey(unit, versions));
      }),
    );
  });

  it("changes when two headers swap their contents", () => {
    const texts = [...unit.files.values()].reverse();
    const swapped = {
      ...unit,
      files: new Map([...unit.files.keys()].map((path, index) => [path, texts[index] ?? ""])),
    };
    expect(unitKey(swapped, versions)).not.toBe(unitKey(unit, versions));
  });

  it("changes with flags and compilers", () => {
    const keys = [
      unitKey(unit, versions),
      unitKey({ ...unit, flags: ["-O2"] }, versions),
      unitKey({ ...unit, flags: ["-O3", ""] }, versions),
      unitKey(unit, { ...versions, nvcc: "13.0.99" }),
      unitKey(unit, { ...versions, host: "g++ 13" }),
      unitKey({ ...unit, external: ["tvmFfi"] }, versions),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("depends on tvm-ffi only where its headers are included", () => {
    const newer = { ...versions, tvmFfi: "0.1.10" };
    expect(unitKey(unit, newer)).toBe(unitKey(unit, versions));
    expect(unitKey({ ...unit, external: ["tvmFfi"] }, newer)).not.toBe(
      unitKey({ ...unit, external: ["tvmFfi"] }, versions),
    );
  });
});

describe("a unit that includes TensorRT's headers", () => {
  it("depends on their digest, and no other unit does", () => {
    const included = { ...unit, external: ["tensorRt"] as const };
    const [one, other] = ["1", "2"].map((tensorRt) => ({ ...versions, tensorRt }));
    expect(unitKey(included, { ...versions, ...one })).not.toBe(unitKey(included, { ...versions, ...other }));
    expect(unitKey(unit, { ...versions, ...one })).toBe(unitKey(unit, versions));
  });
});

describe("libraryKey", () => {
  it("depends on what the library shows", () => {
    expect(libraryKey(["a"], "{ global: f; };", versions)).not.toBe(libraryKey(["a"], "{ global: g; };", versions));
  });

  it("depends on the set of objects, not on their order", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { minLength: 1 }), (keys) => {
        expect(libraryKey([...keys].reverse(), "", versions)).toBe(libraryKey(keys, "", versions));
        expect(libraryKey(keys.slice(1), "", versions)).not.toBe(libraryKey(keys, "", versions));
      }),
    );
  });
});
