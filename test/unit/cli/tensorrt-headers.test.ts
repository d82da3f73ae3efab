import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tensorRtHeaders } from "../../../generators/cli/doctor/tensorrt-headers.ts";
import { openStore } from "../../../generators/compile/cache/store.ts";
import { tensorRtCrate } from "../../../generators/compile/toolchain/pins.ts";
import { testEnv } from "../../support/env.ts";

async function world() {
  const env = await testEnv();
  const vars = { PATH: join(env.cwd, "bin"), TURBOSPARSE_CACHE: join(env.cwd, "cache") };
  const write = async (path: string, text = ""): Promise<void> => {
    await mkdir(join(env.cwd, path, ".."), { recursive: true });
    await writeFile(join(env.cwd, path), text);
  };
  return { env: { ...env, vars }, write };
}

describe("the headers of TensorRT", () => {
  it("are missing where there is neither a folder nor cargo", async () => {
    const { env } = await world();
    expect(await tensorRtHeaders(env)).toEqual({ ok: false, detail: expect.stringContaining("cargo was not found") });
  });

  it("come by cargo, which is not started", async () => {
    const { env, write } = await world();
    await write("bin/cargo");
    expect(await tensorRtHeaders(env)).toEqual({
      ok: true,
      detail: "11.4.0 of the crate trtx-sys, which a build for TensorRT gets by cargo",
    });
  });

  it("are in the cache once a build has got them", async () => {
    const { env } = await world();
    const key = `tensorrt-headers-${tensorRtCrate.tensorRtVersion}-${tensorRtCrate.sha256.slice(0, 12)}`;
    await (await openStore(env, () => {})).publish("toolchains", key, "headers", async () => {});
    expect(await tensorRtHeaders(env)).toEqual({ ok: true, detail: "11.4.0 in the cache" });
  });

  it("of TENSORRT_INCLUDE come first, and a wrong folder is said", async () => {
    const { env, write } = await world();
    const folder = join(env.cwd, "include");
    const configured = { ...env, vars: { ...env.vars, TENSORRT_INCLUDE: folder } };
    expect(await tensorRtHeaders(configured)).toEqual({ ok: false, detail: `${folder} holds no NvInferRuntime.h` });
    await write("include/NvInferRuntime.h");
    const version = ["MAJOR 10", "MINOR 13", "PATCH 0"].map((part) => `#define NV_TENSORRT_${part}\n`);
    await write("include/NvInferVersion.h", version.join(""));
    expect(await tensorRtHeaders(configured)).toEqual({ ok: true, detail: `10.13.0 of TENSORRT_INCLUDE: ${folder}` });
  });
});
