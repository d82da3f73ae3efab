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

  it("has no absolute path in any flag", () => {
    expect(units.flatMap(({ flags }) => flags).filter((flag) => /^\/|[=,]\/|^-I\//.test(flag))).toEqual([]);
  });
});
