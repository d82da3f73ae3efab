import { describe, expect, it } from "vitest";
import type { Manifest } from "../../../generators/package/manifest-schema.ts";
import {
  type LibraryFacts,
  loaderProblems,
  manifestProblems,
  platformProblems,
} from "../../../generators/package/verify/checks.ts";

const path = "turbosparse/lib/libturbosparse.so";
const operators = [
  "pack_mask",
  "predict",
  "ffn",
  "gate_first",
  "pack_logits",
  "activate",
  "group_tokens",
  "sum_slots",
  "add_rms_norm",
  "workspace_bytes",
  "built_kernels",
];
const dynamic = {
  needed: ["libtvm_ffi.so", "libc.so.6"],
  searchPaths: [],
  exported: operators.map((name) => `__tvm_ffi_${name}`),
  undefinedSymbols: ["TVMFFIErrorSetRaised"],
  versions: ["GLIBC_2.2.5", "GLIBC_2.35"],
};
const facts: LibraryFacts = { sha256: "0".repeat(64), bytes: 10, dynamic, archs: ["compute_80", "sm_90a"] };
const kernel = {
  name: "support_sm90a_bf16",
  family: "support",
  parameters: { arch: "sm_90a" },
  registers: 32,
  spillBytes: 0,
  staticSharedBytes: 0,
  threads: 256,
  dynamicSharedBytes: 0,
  stages: null,
  blocksPerMultiprocessor: 8,
  occupancy: 1,
};
const manifest: Manifest = {
  schemaVersion: 2,
  version: "0.1.0",
  archs: ["sm_90a", "compute_80"],
  engines: ["vllm"],
  models: [],
  kernels: [kernel, { ...kernel, name: "support_compute80_bf16", parameters: { arch: "compute_80" }, registers: null }],
  toolchain: { nvcc: "13.0.88", flags: [], host: "g++ 12.2.0", tvmFfi: "0.1.9" },
  sources: { sha256: "1".repeat(64) },
  library: { path, sha256: "0".repeat(64), bytes: 10 },
};
const name = "turbosparse-0.1.0-py3-none-manylinux_2_35_x86_64.whl";
const wheel = "Wheel-Version: 1.0\nTag: py3-none-manylinux_2_35_x86_64\n";

describe("a sound wheel", () => {
  it("has no problems", () => {
    expect(manifestProblems(facts, manifest)).toEqual([]);
    expect(loaderProblems(facts, path)).toEqual([]);
    expect(platformProblems(facts, name, "0.1.0", wheel)).toEqual([]);
  });
});

describe("each contradiction is named", () => {
  const withDynamic = (changes: Partial<LibraryFacts["dynamic"]>): LibraryFacts => ({
    ...facts,
    dynamic: { ...dynamic, ...changes },
  });

  it.each([
    [{ ...facts, bytes: 9 }, "has 9 bytes, the manifest says 10"],
    [{ ...facts, sha256: "f".repeat(64) }, "does not have the SHA-256"],
    [{ ...facts, archs: ["sm_90a"] }, "the manifest lists compute_80"],
    [{ ...facts, archs: ["compute_80", "sm_80", "sm_90a"] }, "holds code for sm_80"],
  ])("between library and manifest %#", (changed, problem) => {
    expect(manifestProblems(changed, manifest)).toEqual([expect.stringContaining(problem)]);
  });

  it("of a kernel that ptxas compiled but reported nothing about", () => {
    const unknown = { ...manifest, kernels: [{ ...kernel, registers: null }] };
    expect(manifestProblems(facts, unknown)).toEqual(["the manifest has no register count for support_sm90a_bf16"]);
  });

  it.each([
    [{ needed: [...dynamic.needed, "libtorch.so"] }, "needs libtorch.so"],
    [{ needed: [...dynamic.needed, "libcudart.so.13"] }, "needs libcudart.so.13"],
    [{ needed: [...dynamic.needed, "libstdc++.so.6"] }, "needs libstdc++.so.6"],
    [{ searchPaths: ["/opt/cuda/lib"] }, "looks for libraries in /opt/cuda/lib"],
    [{ exported: dynamic.exported.slice(1) }, "does not export the operator pack_mask"],
    [{ exported: [...dynamic.exported, "cudaLaunchKernel"] }, "exports cudaLaunchKernel"],
    [{ undefinedSymbols: ["_ZN2at6detail3xyzEv"] }, "a symbol of torch"],
  ])("between library and loader %#", (changes, problem) => {
    expect(loaderProblems(withDynamic(changes), path)).toEqual([expect.stringContaining(problem)]);
  });

  it("between library, file name and WHEEL", () => {
    const older = withDynamic({ versions: ["GLIBC_2.34"] });
    expect(platformProblems(older, name, "0.1.0", wheel)).toEqual([
      expect.stringContaining("manylinux_2_34_x86_64.whl"),
      expect.stringContaining("the library needs py3-none-manylinux_2_34_x86_64"),
    ]);
    expect(platformProblems(facts, name, "0.1.0", "")).toEqual([expect.stringContaining("WHEEL says no tag")]);
    expect(platformProblems(facts, "renamed.whl", "0.1.0", wheel)).toEqual([
      expect.stringContaining(`should be called ${name}`),
    ]);
    expect(platformProblems(withDynamic({ versions: [] }), name, "0.1.0", wheel)).toEqual([
      expect.stringContaining("no version of glibc"),
    ]);
  });
});
