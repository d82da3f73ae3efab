import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { openStore } from "../../../generators/compile/cache/store.ts";
import { cudaWheels, requirements, tvmFfiWheels, wheelSetKey } from "../../../generators/compile/toolchain/pins.ts";
import { availableToolchain, prepareToolchain } from "../../../generators/compile/toolchain/toolchain.ts";
import type { Env } from "../../../generators/io/env.ts";
import { createRunProcess } from "../../../generators/io/process.ts";
import { testEnv } from "../../support/env.ts";

const progress = {
  task: <T>(_title: string, work: (update: () => void) => Promise<T>) => work(() => {}),
  note: () => {},
};

/** A world whose programs are the scripts given by path below its folder. */
async function world(scripts: Record<string, string>, vars: Record<string, string> = {}) {
  const base = await testEnv();
  for (const [path, body] of Object.entries(scripts)) {
    const file = join(base.cwd, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `#!/bin/sh\n${body}\n`);
    await chmod(file, 0o755);
  }
  const at = (text: string): string => text.replaceAll("@", base.cwd);
  const all = { PATH: at("@/bin"), TURBOSPARSE_CACHE: at("@/cache") };
  for (const [name, value] of Object.entries(vars)) Object.assign(all, { [name]: at(value) });
  const env: Env = {
    ...base,
    vars: all,
    run: createRunProcess({ ...all, PATH: `${all.PATH}:/usr/bin:/bin` }, base.signal),
  };
  const store = await openStore(env, () => {});
  return {
    env,
    at,
    prepare: () => prepareToolchain(env, store, progress),
    available: () => availableToolchain(env, store.find),
  };
}

const nvcc = (version: string): string => `echo "Cuda compilation tools, release 13.0, V${version}"`;
const gxx = 'echo "g++ (Debian 12.2.0-14) 12.2.0"';
/** A pip that leaves an nvcc where the wheels would. */
const pip = `case "$*" in
*--version*) echo pip 25;;
*) while [ "$1" != --target ]; do shift; done; mkdir -p "$2/nvidia/cu13/bin"
   printf '#!/bin/sh\\n${nvcc("13.0.88").replaceAll('"', "")}\\n' > "$2/nvidia/cu13/bin/nvcc"; chmod +x "$2/nvidia/cu13/bin/nvcc";;
esac`;

describe("prepareToolchain", () => {
  it("prefers CUDA_HOME to PATH", async () => {
    const { prepare, at } = await world(
      { "cuda/bin/nvcc": nvcc("13.0.1"), "bin/nvcc": nvcc("13.0.2"), "bin/g++": gxx },
      { CUDA_HOME: "@/cuda" },
    );
    expect((await prepare()).nvcc).toMatchObject({
      path: at("@/cuda/bin/nvcc"),
      version: "13.0.1",
      origin: "CUDA_HOME",
    });
  });

  it("takes nvcc 13.0 from PATH, and g++ with its version but not its name", async () => {
    const { prepare } = await world({ "bin/nvcc": nvcc("13.0.2"), "bin/g++": gxx });
    const { nvcc: found, host, versions } = await prepare();
    expect(found.origin).toBe("PATH");
    expect(host.version).toBe("g++ 12.2.0");
    expect(versions.host).toBe("(Debian 12.2.0-14) 12.2.0");
  });

  it.each(["", "12.4.131", "13.1.0", "14.0.0"])("refuses the nvcc %j of CUDA_HOME", async (version) => {
    const { prepare } = await world({ "cuda/bin/nvcc": nvcc(version), "bin/g++": gxx }, { CUDA_HOME: "@/cuda" });
    await expect(prepare()).rejects.toMatchObject({ code: "TS4002", exit: "environment" });
  });

  it("refuses a CUDA_HOME without nvcc rather than pass it over", async () => {
    const { prepare } = await world({ "bin/nvcc": nvcc("13.0.2"), "bin/g++": gxx }, { CUDA_HOME: "@/none" });
    await expect(prepare()).rejects.toThrow("CUDA_HOME is");
  });

  it("installs nvcc when PATH has another release, once", async () => {
    const { prepare, available } = await world({ "bin/nvcc": nvcc("12.4.131"), "bin/g++": gxx, "bin/python3": pip });
    expect(await available()).toBeUndefined();
    expect((await prepare()).nvcc).toMatchObject({ version: "13.0.88", origin: "cache" });
    expect((await available())?.nvcc.origin).toBe("cache");
  });

  it("installs a damaged installation anew", async () => {
    const { prepare } = await world({ "bin/g++": gxx, "bin/python3": pip });
    const { path } = (await prepare()).nvcc;
    await writeFile(path, "garbage");
    expect((await prepare()).nvcc.path).toBe(path);
  });

  it.each([
    ["TS4004", { "bin/nvcc": nvcc("13.0.2") }],
    ["TS4005", { "bin/g++": gxx }],
    ["TS4006", { "bin/g++": gxx, "bin/python3": "exit 1" }],
    [
      "TS4007",
      { "bin/g++": gxx, "bin/python3": 'case "$*" in *--version*) ;; *) echo "ERROR: no network" >&2; exit 1;; esac' },
    ],
  ])("says what is missing: %s", async (code, scripts) => {
    const { prepare } = await world(scripts as Record<string, string>);
    await expect(prepare()).rejects.toMatchObject({ code, exit: "environment", hint: expect.any(String) });
  });

  it("passes on what the installer says", async () => {
    const failing = 'case "$*" in *--version*) ;; *) echo "ERROR: no network." >&2; exit 1;; esac';
    const { prepare } = await world({ "bin/g++": gxx, "bin/python3": failing });
    await expect(prepare()).rejects.toThrow("could not be installed from PyPI: no network.");
  });

  it("uses uv when Python has no pip, and the Python that TURBOSPARSE_PYTHON names", async () => {
    const uv = await world({ "bin/g++": gxx, "bin/python3": "exit 1", "bin/uv": pip });
    expect((await uv.prepare()).nvcc.origin).toBe("cache");
    const named = await world({ "bin/g++": gxx, "other/py": pip }, { TURBOSPARSE_PYTHON: "@/other/py" });
    expect((await named.prepare()).nvcc.origin).toBe("cache");
  });

  it("refuses other platforms", async () => {
    const { env } = await world({});
    const store = await openStore(env, () => {});
    const mac: Env = { ...env, system: { ...env.system, platform: "darwin", machine: "arm64" } };
    await expect(prepareToolchain(mac, store, progress)).rejects.toMatchObject({ code: "TS4001" });
  });
});

describe("the pins", () => {
  it("name exact versions and the digest of one file each", () => {
    for (const line of [cudaWheels, tvmFfiWheels].flatMap((set) => requirements(set).trimEnd().split("\n"))) {
      expect(line).toMatch(/^[a-z-]+==\d+\.\d+\.\d+ --hash=sha256:[0-9a-f]{64}$/);
    }
  });

  it("get another cache entry when any wheel changes", () => {
    const changed = { ...cudaWheels, wheels: cudaWheels.wheels.slice(1) };
    expect(wheelSetKey(changed)).not.toBe(wheelSetKey(cudaWheels));
  });
});
