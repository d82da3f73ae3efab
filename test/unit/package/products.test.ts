import { describe, expect, it } from "vitest";
import { libraries } from "../../../generators/compile/libraries.ts";
import { librarySources } from "../../../generators/compile/units.ts";
import { findEngine } from "../../../generators/engines/registry.ts";
import { readPackageInputs } from "../../../generators/package/inputs.ts";
import { productsOf } from "../../../generators/package/products.ts";
import { sourcesDigest } from "../../../generators/package/sources-digest.ts";
import { testEnv } from "../../support/env.ts";

describe("productsOf", () => {
  it("gives each library its engines, whatever their order", () => {
    const products = [
      { library: "cpp", engines: ["cpp"] },
      { library: "tensorrt", engines: ["tensorrt"] },
      { library: "python", engines: ["vllm"] },
    ];
    expect(productsOf(["vllm", "tensorrt", "cpp"])).toEqual(products);
    expect(productsOf(["cpp", "vllm", "tensorrt"])).toEqual(products);
  });

  it("knows no other engine", () => {
    expect(() => productsOf(["tensorrt-llm"])).toThrow('unknown engine "tensorrt-llm"');
  });

  it("has entry points only where Python is", () => {
    for (const name of ["tensorrt", "cpp"]) expect(findEngine(name, "").entryPoints).toEqual({});
  });
});

describe("the digest of a library's sources", () => {
  const kernels = new Map([
    ["kernels/include/turbosparse/a.h", "a"],
    ["kernels/launch/b.cc", "b"],
    ["kernels/bindings/c.cc", "c"],
    ["kernels/bindings/tensorrt/d.cc", "d"],
  ]);
  const digestOf = (name: keyof typeof libraries, changed: Record<string, string> = {}): string =>
    sourcesDigest(librarySources(libraries[name], new Map([...kernels, ...Object.entries(changed)])), new Map());
  const names = ["python", "tensorrt", "cpp"] as const;

  it.each([
    ["kernels/include/turbosparse/a.h", ["python", "tensorrt", "cpp"]],
    ["kernels/launch/b.cc", ["python", "tensorrt", "cpp"]],
    ["kernels/bindings/c.cc", ["python"]],
    ["kernels/bindings/tensorrt/d.cc", ["tensorrt"]],
    ["kernels/bindings/tensorrt/new.cc", ["tensorrt"]],
  ])("changes with %s in %s alone", (path, changed) => {
    expect(names.filter((name) => digestOf(name, { [path]: "changed" }) !== digestOf(name))).toEqual(changed);
  });

  it("of the wheel is over all of kernels/ but the folders of other engines", async () => {
    const { kernels: all, templates, sourcesSha256 } = await readPackageInputs(await testEnv());
    const others = [...all.keys()].filter((path) => /^kernels\/bindings\/.*\//.test(path));
    expect(others).toContain("kernels/bindings/tensorrt/plugin.cc");
    const own = new Map([...all].filter(([path]) => !others.includes(path)));
    expect(sourcesSha256).toBe(sourcesDigest(own, templates));
    expect(sourcesSha256).not.toBe(sourcesDigest(all, templates));
  });
});
