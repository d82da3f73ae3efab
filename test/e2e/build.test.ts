import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readZip } from "../../generators/package/wheel/zip.ts";
import { buildWorld, main, realCudaHome, smallConfig } from "../support/build-world.ts";
import { buildRealWheel } from "../support/real-wheel.ts";

describe("build with a compiler that works", () => {
  it("compiles every unit once, then nothing, and leaves an identical wheel alone", async () => {
    const { run, compiled, folder } = await buildWorld();
    const cold = await run(["build"]);
    expect(cold).toMatchObject({ exitCode: 0 });
    expect(cold.stdout).toMatch(/^name +size +time +sha256\nturbosparse-.*\.whl .*[0-9a-f]{64}\n/);
    const units = await compiled();
    expect(units).toEqual([...new Set(units)]);
    expect(units).toContain("kernels/dispatch.cu");

    const [wheel = ""] = await readdir(join(folder, "dist"));
    expect(await readdir(join(folder, "dist"))).toEqual([expect.stringMatching(/^turbosparse-.*\.whl$/)]);
    const bytes = await readFile(join(folder, "dist", wheel));

    const warm = await run(["build", "--json"]);
    expect(JSON.parse(warm.stdout)).toMatchObject({
      upToDate: true,
      units: { compiled: 0, reused: units.length },
    });
    expect(warm.stderr).toContain("is up to date");
    await rm(join(folder, "dist"), { recursive: true });
    expect((await run(["build"])).stderr).toContain(`Wrote dist/${wheel}`);
    expect(await compiled()).toEqual([]);
    expect(Buffer.compare(await readFile(join(folder, "dist", wheel)), bytes)).toBe(0);
  });

  it("compiles only what a changed configuration adds", async () => {
    const { build, compiled, folder } = await buildWorld();
    await build();
    await compiled();
    await writeFile(join(folder, "turbosparse.yaml"), smallConfig.replace("sm_90a", "sm_90a, sm_80"));
    await build();
    const added = await compiled();
    expect(added).toContain("kernels/support_sm80_bf16.cu");
    expect(added.filter((path) => path.includes("sm90a"))).toEqual([]);
  });

  it("shows what it would do without doing it", async () => {
    const { build, run, compiled, folder, cache } = await buildWorld();
    const actions = async (): Promise<string[]> => {
      const { stdout } = await run(["build", "--dry-run", "--json"]);
      return JSON.parse(stdout).units.map((unit: { action: string }) => unit.action);
    };
    expect(new Set(await actions())).toEqual(new Set(["compile"]));
    expect(await compiled()).toEqual([]);
    expect(await readdir(join(cache, "v1"))).toEqual(["toolchains"]);
    await build("--out", "elsewhere");
    expect(new Set(await actions())).toEqual(new Set(["cached"]));
    expect((await readdir(folder)).includes("dist")).toBe(false);
  });
});

describe("build for engines that are not Python's", () => {
  const headers = async (folder: string): Promise<Record<string, string>> => {
    const include = join(folder, "include");
    await mkdir(include);
    await writeFile(join(include, "NvInferRuntime.h"), "");
    const version = ["MAJOR 10", "MINOR 13", "PATCH 0"].map((part) => `#define NV_TENSORRT_${part}\n`);
    await writeFile(join(include, "NvInferVersion.h"), version.join(""));
    return { TENSORRT_INCLUDE: include };
  };

  it("compiles the kernels once for all, and leaves the wheel as it is without them", async () => {
    const { run, build, compiled, folder } = await buildWorld();
    const vars = await headers(folder);
    await build("--out", "wheel");
    const alone = await compiled();
    const all = await run(["build", "--engine", "tensorrt,vllm,cpp", "--json"], vars);
    expect(all).toMatchObject({ exitCode: 0 });
    const outcome = JSON.parse(all.stdout);
    expect(outcome.bundles.map(({ engine }: { engine: string }) => engine)).toEqual(["cpp", "tensorrt"]);
    const added = await compiled();
    const launchers = alone.filter((path) => path.startsWith("kernels/launch/"));
    expect(added.filter((path) => !path.startsWith("kernels/bindings/tensorrt/"))).toEqual(launchers);
    expect(added).toContain("kernels/bindings/tensorrt/plugin.cc");

    const [wheel = ""] = await readdir(join(folder, "wheel"));
    const names = [wheel, "turbosparse-cpp", "turbosparse-tensorrt"];
    expect(await readdir(join(folder, "dist"))).toEqual(names);
    const bytes = await Promise.all(["wheel", "dist"].map((out) => readFile(join(folder, out, wheel))));
    expect(Buffer.compare(...(bytes as [Buffer, Buffer]))).toBe(0);
    const bundle = join(folder, "dist/turbosparse-tensorrt");
    expect(await readdir(bundle)).toEqual(["LICENSE", "libturbosparse_trt.so", "manifest.json"]);
    const manifest = JSON.parse(await readFile(join(bundle, "manifest.json"), "utf8"));
    expect(manifest).toMatchObject({ engine: "tensorrt", toolchain: { tensorRt: "10.13.0" }, archs: ["sm_90a"] });
    expect(manifest.toolchain).not.toHaveProperty("tvmFfi");

    const warm = await run(["build", "--engine", "cpp,tensorrt,vllm"], vars);
    expect(warm.stderr).toContain(`${names[1]} and dist/${names[2]} are up to date.`);
    expect(await compiled()).toEqual([]);
    const cleaned = await run(["clean"]);
    expect(cleaned.stdout.trimEnd().split("\n")).toEqual(names.map((name) => `dist/${name}`));
  });

  it("needs neither apache-tvm-ffi nor Python", async () => {
    const { run, folder, cache } = await buildWorld();
    await rm(join(cache, "v1/toolchains"), { recursive: true });
    const vars = { ...(await headers(folder)), TURBOSPARSE_PYTHON: "no-such-python" };
    expect(await run(["build", "--engine", "cpp,tensorrt"], vars)).toMatchObject({ exitCode: 0 });
    expect((await readdir(join(cache, "v1/toolchains"), { recursive: true })).join(" ")).not.toContain("tvm");
  });

  it("ends with 3 before it compiles anything when there are no headers of TensorRT", async () => {
    const { run, compiled, folder } = await buildWorld();
    const failed = await run(["build", "--engine", "cpp,tensorrt"], { TENSORRT_INCLUDE: join(folder, "absent") });
    expect(failed).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(/^error\[TS4009\]: TENSORRT_INCLUDE: /m),
    });
    expect(await compiled()).toEqual([]);
    expect(await readdir(folder)).not.toContain("dist");
  });

  it("says what is cached without asking for the headers", async () => {
    const { run, folder } = await buildWorld();
    const vars = await headers(folder);
    const rows = async (): Promise<{ path: string; action: string }[]> =>
      JSON.parse((await run(["build", "--engine", "cpp,tensorrt", "--dry-run", "--json"], vars)).stdout).units;
    expect(new Set((await rows()).map(({ action }) => action))).toEqual(new Set(["compile"]));
    expect(await run(["build", "--engine", "tensorrt", "--out", "elsewhere"], vars)).toMatchObject({ exitCode: 0 });
    // The launchers of the C++ library show their functions, so they are others.
    const missing = (await rows()).filter(({ action }) => action === "compile").map(({ path }) => path);
    expect(new Set(missing.map((path) => dirname(path)))).toEqual(new Set(["kernels/launch"]));
  });
});

describe("build of kernels that spill", () => {
  it("fails without a wheel, from the cache too, unless spills are allowed", async () => {
    const { run, compiled, folder } = await buildWorld();
    const spilling = { FAKE_NVCC: "spills", FAKE_NVCC_UNIT: "support_sm90a" };
    const cold = await run(["build"], spilling);
    expect(cold).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^error\[TS4107\]: .*12 bytes, 80 reg/m) });
    expect(await readdir(folder)).not.toContain("dist");
    await compiled();
    expect(await run(["build"])).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("error[TS4107]") });
    const allowed = await run(["build", "--allow-spills"]);
    expect(allowed).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("in 1 kernel: _Z6kernelv") });
    expect(await compiled()).toEqual([]);
  });
});

describe("build with a compiler that fails", () => {
  it("shows the first error with its file, a hint last, and keeps the log and the good objects", async () => {
    const { build, run, compiled, folder, cache } = await buildWorld();
    const failed = await run(["build"], { FAKE_NVCC: "error", FAKE_NVCC_UNIT: "support_sm90a" });
    expect(failed.exitCode).toBe(1);
    const lines = failed.stderr.trimEnd().split("\n");
    expect(lines.at(-2)).toMatch(/^error\[TS4102\]: .*kernels\/support_sm90a_bf16\.cu\(7\): error: identifier "x"/);
    const log = /^hint: The whole output is in (.*)\.$/.exec(lines.at(-1) ?? "")?.[1] ?? "";
    expect(await readFile(log, "utf8")).toContain("warning #177-D");
    expect(await readdir(join(cache, "v1/tmp"))).toEqual([]);
    expect((await readdir(join(folder, "dist"))).filter((name) => name.endsWith(".whl"))).toEqual([]);
    const first = await compiled();
    await build();
    const second = await compiled();
    expect(second.filter((path) => first.includes(path))).toEqual(["kernels/support_sm90a_bf16.cu"]);
  });

  it.each([
    ["crash", "TS4102", "SIGSEGV"],
    ["garbage", "TS4105", "did not write an x86-64 object file"],
    ["nothing", "TS4105", "did not write an x86-64 object file"],
  ])("fails on %s, caches nothing of it, and succeeds afterwards", async (mode, code, message) => {
    const { build, run } = await buildWorld();
    const failed = await run(["build"], { FAKE_NVCC: mode });
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toContain(`error[${code}]`);
    expect(failed.stderr).toContain(message);
    await build();
  });

  it("tries a compiler that was killed once more", async () => {
    const { run, compiled } = await buildWorld();
    expect(await run(["build"], { FAKE_NVCC: "killed-once", FAKE_NVCC_UNIT: "fc1" })).toMatchObject({ exitCode: 0 });
    expect((await compiled()).filter((path) => path.includes("fc1"))).toHaveLength(2);
  });

  it("says that memory ran out when it is killed again", async () => {
    const { run } = await buildWorld();
    const failed = await run(["build"], { FAKE_NVCC: "killed", FAKE_NVCC_UNIT: "fc1" });
    expect(failed.exitCode).toBe(3);
    expect(failed.stderr).toMatch(/error\[TS4103\].*fc1.*memory ran out/);
  });

  it("ends a compiler that hangs", async () => {
    const { run, cache } = await buildWorld();
    const started = Date.now();
    const failed = await run(["build", "--timeout", "2"], { FAKE_NVCC: "hang", FAKE_NVCC_UNIT: "dispatch" });
    expect(failed.exitCode).toBe(1);
    expect(failed.stderr).toMatch(/error\[TS4104\]: nvcc did not finish kernels\/dispatch\.cu within 2 s/);
    expect(Date.now() - started).toBeLessThan(60_000);
    expect(await readdir(join(cache, "v1/tmp"))).toEqual([]);
  });

  it("stops on Ctrl+C with all compilers and leaves nothing behind", async () => {
    const { run, cache, folder } = await buildWorld();
    const running = run(["build"], { FAKE_NVCC: "hang" });
    while ((await readFile(join(folder, "nvcc.log"), "utf8").catch(() => "")) === "") await sleep(20);
    running.kill("SIGINT");
    expect(await running).toMatchObject({ exitCode: 130 });
    expect(await readdir(join(cache, "v1/tmp"))).toEqual([]);
    expect((await commandLines()).filter((line) => line.includes(join(folder, "cuda")))).toEqual([]);
  });
});

/** Of all processes there are. */
async function commandLines(): Promise<string[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  return Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")));
}

describe("build on a machine that lacks something", () => {
  it.each([
    ["an nvcc of another release", { FAKE_NVCC_VERSION: "12.4.131" }, "TS4002"],
    ["a CUDA_HOME without nvcc", { CUDA_HOME: "/nonexistent" }, "TS4002"],
    ["no C++ compiler", { CXX: "no-such-compiler" }, "TS4004"],
    [
      "no Python",
      { CUDA_HOME: "", TURBOSPARSE_PYTHON: "no-such-python", PATH: "/nonexistent", CXX: "/usr/bin/g++" },
      "TS4005",
    ],
  ])("ends with 3 for %s", async (_what, vars, code) => {
    const { run, folder } = await buildWorld();
    const failed = await run(["build"], vars);
    expect(failed.stderr).toMatch(new RegExp(`error\\[${code}\\]: .+\nhint: .+$`));
    expect(failed.exitCode).toBe(3);
    expect((await readdir(folder)).includes("dist")).toBe(false);
  });

  it("ends with 3 when the package index cannot be reached", async () => {
    const { run } = await buildWorld();
    const unreachable = {
      CUDA_HOME: "",
      PIP_INDEX_URL: "http://127.0.0.1:9/simple",
      PIP_RETRIES: "0",
      PIP_CONFIG_FILE: "/dev/null",
    };
    const failed = await run(["build"], unreachable);
    expect(failed.stderr).toMatch(/error\[TS4007\]: nvcc 13\.0\.88 could not be installed from PyPI: .+/);
    expect(failed.exitCode).toBe(3);
  });

  it("ends with 3 when a file is in the way of the output folder, and with 2 for a bad option", async () => {
    const { run, folder } = await buildWorld();
    await writeFile(join(folder, "dist"), "mine");
    expect(await run(["build"])).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("error[TS5002]") });
    expect(await readFile(join(folder, "dist"), "utf8")).toBe("mine");
    expect(await run(["build", "--jobs", "0"])).toMatchObject({ exitCode: 2 });
  });
});

describe("build with the real nvcc", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "turbosparse-real-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("gives the same bytes from another folder and another cache, free of this machine's paths", async () => {
    const reference = await buildRealWheel(join(folder, "reference"));
    const deep = join(folder, "another/place");
    await mkdir(deep, { recursive: true });
    await writeFile(join(deep, "turbosparse.yaml"), smallConfig);
    const cold = await execa(process.execPath, [main, "build", "--json"], {
      cwd: deep,
      env: { CUDA_HOME: await realCudaHome(), TURBOSPARSE_CACHE: join(deep, "cache") },
    });
    const { wheel, units } = JSON.parse(cold.stdout);
    expect(units.reused).toBe(0);
    const bytes = await readFile(wheel.path);
    expect(Buffer.compare(bytes, reference.bytes)).toBe(0);

    const files = await readZip(bytes);
    for (const [path, content] of files) {
      const text = Buffer.from(content).toString("latin1");
      for (const place of [deep, `${tmpdir()}/turbosparse`, "/site/nvidia/"]) {
        expect(text.includes(place), `${path} contains ${place}`).toBe(false);
      }
    }
  });
});
