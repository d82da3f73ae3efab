import { describe, expect, it } from "vitest";
import { libraries } from "../../../generators/compile/libraries.ts";
import { listUnits } from "../../../generators/compile/units.ts";
import { plan } from "../../../generators/plan/plan.ts";
import { render } from "../../../generators/render/render.ts";
import { readTemplates } from "../../support/read-templates.ts";
import { resolvedConfig } from "../../support/resolved-config.ts";

const sources = new Map([
  ...["args.h", "dispatch.h", "types.h", "ffn_stream.cuh", "row_gemm.cuh", "union_down.cuh", "support.cuh"].map(
    (name) => [`kernels/include/turbosparse/${name}`, ""] as const,
  ),
  ["kernels/launch/run.cc", '#include "turbosparse/args.h"'],
  ["kernels/bindings/ffi.cc", "#include <tvm/ffi/tvm_ffi.h>"],
  ["kernels/bindings/check.h", ""],
  ["kernels/bindings/tensorrt/plugin.cc", '#include <NvInferRuntime.h>\n#include "turbosparse/args.h"'],
]);

describe("listUnits", async () => {
  const templates = await readTemplates();
  const built = plan(resolvedConfig({ archs: ["compute_80", "sm_90a"] }));
  const units = listUnits(built, render(built, templates), sources, libraries.python);
  const unitOf = (path: string) => units.find((unit) => unit.path === path);

  it("is sorted, without repetition and without headers", () => {
    const paths = units.map(({ path }) => path);
    expect(paths).toEqual([...new Set(paths)].sort());
    expect(paths).toEqual(expect.arrayContaining(["kernels/bindings/ffi.cc", "kernels/dispatch.cu"]));
    expect(paths.filter((path) => path.endsWith(".h"))).toEqual([]);
  });

  it("compiles a group for its own architecture, with PTX only for compute_80", () => {
    expect(unitOf("kernels/support_sm90a_bf16.cu")?.flags).toContain("arch=compute_90a,code=sm_90a");
    const portable = unitOf("kernels/support_compute80_bf16.cu");
    expect(portable?.archs).toEqual(["compute_80"]);
    expect(portable?.flags).toContain("arch=compute_80,code=compute_80");
  });

  it("compiles the dispatch tables for all architectures and host code for none", () => {
    expect(unitOf("kernels/dispatch.cu")?.archs).toEqual(["compute_80", "sm_90a"]);
    expect(unitOf("kernels/launch/run.cc")?.flags.join(" ")).not.toContain("gencode");
  });

  it("gives tvm-ffi's headers to the units that include them", () => {
    expect(units.filter(({ external }) => external.includes("tvmFfi")).map(({ path }) => path)).toEqual([
      "kernels/bindings/ffi.cc",
    ]);
  });

  it("gives each library its own bindings, and the same generated units", () => {
    const generated = render(built, templates);
    const of = (name: keyof typeof libraries) => listUnits(built, generated, sources, libraries[name]);
    const own = (name: keyof typeof libraries) =>
      of(name)
        .filter(({ path }) => path.startsWith("kernels/bindings/"))
        .map(({ path }) => path);
    expect(own("python")).toEqual(["kernels/bindings/ffi.cc"]);
    expect(own("tensorrt")).toEqual(["kernels/bindings/tensorrt/plugin.cc"]);
    expect(own("cpp")).toEqual([]);
    for (const path of generated.keys()) {
      const units = (["python", "tensorrt", "cpp"] as const).map((name) => of(name).find((unit) => unit.path === path));
      expect(units[1]).toEqual(units[0]);
      expect(units[2]).toEqual(units[0]);
    }
  });

  it("gives TensorRT's headers to the units that include them", () => {
    const [unit] = listUnits(built, new Map(), sources, libraries.tensorrt);
    expect(unit).toMatchObject({ path: "kernels/bindings/tensorrt/plugin.cc", external: ["tensorRt"] });
    expect(unit?.flags).toContain("-Ithird_party/tensorrt/include");
    expect([...(unit?.files.keys() ?? [])]).toContain("kernels/include/turbosparse/args.h");
  });

  it("shows the launchers' functions in the C++ library alone", () => {
    const flags = (name: keyof typeof libraries): readonly string[] =>
      listUnits(built, new Map(), sources, libraries[name]).find(({ path }) => path === "kernels/launch/run.cc")
        ?.flags ?? [];
    expect(flags("cpp").at(-1)).toBe("-fvisibility=default");
    expect(flags("tensorrt")).toEqual(flags("python"));
    expect(flags("python").join(" ")).not.toContain("visibility=default");
  });

  it("has no absolute path in any flag", () => {
    expect(units.flatMap(({ flags }) => flags).filter((flag) => /^\/|[=,]\/|^-I\//.test(flag))).toEqual([]);
  });
});
