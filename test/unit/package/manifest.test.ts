import { describe, expect, it } from "vitest";
import type { KernelResources } from "../../../generators/compile/types.ts";
import { kernelFacts } from "../../../generators/package/kernel-facts.ts";
import { createManifest } from "../../../generators/package/manifest.ts";
import { manifestSchema } from "../../../generators/package/manifest-schema.ts";
import { sourcesDigest } from "../../../generators/package/sources-digest.ts";
import { plan } from "../../../generators/plan/plan.ts";
import type { Arch, KernelInstance, SupportInstance } from "../../../generators/plan/types.ts";
import { configName } from "../../../generators/render/instance-contexts.ts";
import { denseModel, moeModel, resolvedConfig } from "../../support/resolved-config.ts";

const built = plan(
  resolvedConfig({ models: [moeModel(), denseModel()], archs: ["sm_90a", "compute_80"], tensorParallel: [2, 1] }),
);
const versionOf = { versionText: "", version: "" };
const toolchain = {
  nvcc: { path: "/opt/nvcc", origin: "PATH" as const, ...versionOf, version: "13.0.88" },
  host: { path: "/usr/bin/g++", ...versionOf, version: "g++ 12.2.0" },
  versions: { nvcc: "", host: "", tvmFfi: "0.1.9" },
};
/** What ptxas might report of an instance's kernel. */
function kernelOf(instance: KernelInstance): KernelResources {
  const config = configName(instance);
  const symbol = `_ZN11turbosparse6kernelINS_${config.length}${config}EEEvT_`;
  return {
    symbol,
    arch: instance.arch,
    registers: 30,
    spillBytes: 0,
    stackBytes: 0,
    staticSharedBytes: 16,
    serialized: false,
  };
}
const supportOn = (arch: Arch): SupportInstance => ({ family: "support", arch, dtype: "bf16" });
const resources = built.instances
  .filter((instance) => instance.arch === "sm_90a")
  .map((instance, index) => ({ ...kernelOf(instance), registers: 30 + index }));
const library = {
  key: "",
  bytes: Buffer.from("library"),
  archive: undefined,
  resources,
  compiledUnits: 0,
  reusedUnits: 0,
  toolMs: 0,
};
const manifest = createManifest({
  version: "0.1.0",
  plan: built,
  engines: ["vllm"],
  library,
  toolchain,
  sourcesSha256: "0".repeat(64),
});

describe("createManifest", () => {
  it("fits its schema and names no path of the machine", () => {
    expect(manifestSchema.parse(manifest)).toEqual(manifest);
    expect(JSON.stringify(manifest)).not.toContain("/opt/");
  });

  it("lists each model once, with the tensor-parallel sizes it was built for", () => {
    expect(manifest.models.map(({ name, tensorParallel }) => [name, tensorParallel])).toEqual([
      ["turbosparse-mistral-7b", [1, 2]],
      ["turbosparse-mixtral-47b", [1, 2]],
    ]);
  });

  it("gives each kernel the resources of its own symbol, and none to PTX", () => {
    const registers = new Map(manifest.kernels.map((kernel) => [kernel.name, kernel.registers]));
    const onHopper = built.instances.filter((instance) => instance.arch === "sm_90a");
    expect([...registers.values()].filter((count) => count !== null).sort()).toEqual(
      onHopper.map((_, index) => 30 + index).sort(),
    );
    const ptx = manifest.kernels.filter((kernel) => kernel.parameters.arch === "compute_80");
    expect(ptx.length).toBeGreaterThan(0);
    expect(ptx.every((kernel) => kernel.registers === null)).toBe(true);
    expect(ptx.every((kernel) => kernel.blocksPerMultiprocessor === null && kernel.occupancy === null)).toBe(true);
  });

  it("says what each launch asks for and what that leaves of a multiprocessor", () => {
    const facts = (family: string) => manifest.kernels.find((kernel) => kernel.family === family);
    const support = { threads: 256, dynamicSharedBytes: 0, stages: null, blocksPerMultiprocessor: 8, occupancy: 1 };
    expect(kernelFacts(supportOn("sm_90a"), [{ ...kernelOf(supportOn("sm_90a")), registers: 32 }])).toMatchObject(
      support,
    );
    expect(kernelFacts(supportOn("sm_90a"), [{ ...kernelOf(supportOn("sm_90a")), registers: 33 }])).toMatchObject({
      blocksPerMultiprocessor: 6,
      occupancy: 0.75,
    });
    for (const family of ["ffn_stream", "row_gemm", "union_down"]) {
      expect(facts(family)).toMatchObject({ threads: expect.any(Number), stages: expect.any(Number) });
      expect(facts(family)?.dynamicSharedBytes).toBeGreaterThan(1024);
    }
  });

  it("counts static beside dynamic shared memory", () => {
    const roomFor = (staticSharedBytes: number) =>
      kernelFacts(supportOn("sm_90a"), [{ ...kernelOf(supportOn("sm_90a")), staticSharedBytes }]);
    expect(roomFor(48 * 1024).blocksPerMultiprocessor).toBe(4);
    expect(roomFor(100 * 1024).blocksPerMultiprocessor).toBe(2);
  });
});

describe("sourcesDigest", () => {
  const digest = (kernels: [string, string][], templates: [string, string][]) =>
    sourcesDigest(new Map(kernels), new Map(templates));

  it("does not depend on order but on every path and text", () => {
    const base = digest(
      [
        ["kernels/a", "1"],
        ["kernels/b", "2"],
      ],
      [["t.hbs", "3"]],
    );
    expect(
      digest(
        [
          ["kernels/b", "2"],
          ["kernels/a", "1"],
        ],
        [["t.hbs", "3"]],
      ),
    ).toBe(base);
    const others = [
      digest(
        [
          ["kernels/a", "2"],
          ["kernels/b", "1"],
        ],
        [["t.hbs", "3"]],
      ),
      digest(
        [
          ["kernels/a", "1"],
          ["kernels/c", "2"],
        ],
        [["t.hbs", "3"]],
      ),
      digest(
        [
          ["kernels/a", "1"],
          ["kernels/b", "2"],
        ],
        [["t.hbs", "4"]],
      ),
      digest(
        [
          ["kernels/a", "1"],
          ["kernels/b", "2"],
        ],
        [],
      ),
    ];
    expect(new Set([base, ...others]).size).toBe(5);
  });
});
