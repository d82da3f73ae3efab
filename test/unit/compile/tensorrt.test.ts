import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openStore } from "../../../generators/compile/cache/store.ts";
import { availableTensorRtHeaders, findTensorRtHeaders } from "../../../generators/compile/toolchain/tensorrt.ts";
import type { Env } from "../../../generators/io/env.ts";
import { createRunProcess } from "../../../generators/io/process.ts";
import { testEnv } from "../../support/env.ts";

const progress = {
  task: <T>(_title: string, work: (update: () => void) => Promise<T>) => work(() => {}),
  note: () => {},
};

/** A version header as TensorRT 10 has it, and as 11 does. */
const plain = (major: number): string =>
  `#define NV_TENSORRT_MAJOR ${major} //!< major\n#define NV_TENSORRT_MINOR 13\n#define NV_TENSORRT_PATCH 3\n`;
const indirect = `#define TRT_MAJOR_ENTERPRISE 11\n#define TRT_MINOR_ENTERPRISE 4\n#define TRT_PATCH_ENTERPRISE 0
#define NV_TENSORRT_MAJOR TRT_MAJOR_ENTERPRISE
#define NV_TENSORRT_MINOR TRT_MINOR_ENTERPRISE //!< minor
#define NV_TENSORRT_PATCH TRT_PATCH_ENTERPRISE\n`;

/** A world with these files below its folder; `@` in variables is that folder. */
async function world(files: Record<string, string>, vars: Record<string, string> = {}) {
  const base = await testEnv();
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(base.cwd, path, ".."), { recursive: true });
    await writeFile(join(base.cwd, path), text);
    if (path.startsWith("bin/")) await chmod(join(base.cwd, path), 0o755);
  }
  const all = { PATH: join(base.cwd, "bin"), HOME: base.cwd, TURBOSPARSE_CACHE: join(base.cwd, "cache") };
  for (const [name, value] of Object.entries(vars)) Object.assign(all, { [name]: value.replaceAll("@", base.cwd) });
  const run = createRunProcess({ ...all, PATH: `${all.PATH}:/usr/bin:/bin` }, base.signal);
  const env: Env = { ...base, vars: all, run };
  const store = await openStore(env, () => {});
  return {
    folder: base.cwd,
    find: () => findTensorRtHeaders(env, store, progress),
    available: () => availableTensorRtHeaders(env, store.find),
  };
}

const include = (version: string): Record<string, string> => ({
  "include/NvInferRuntime.h": "// runtime\n",
  "include/NvInferVersion.h": version,
  "include/stdio.h": "// the system's\n",
});
const configured = { TENSORRT_INCLUDE: "@/include" };

describe("TENSORRT_INCLUDE", () => {
  it.each([
    ["10.13.3", plain(10)],
    ["11.4.0", indirect],
  ])("gives the headers of TensorRT %s, copied without those of others", async (version, header) => {
    const { find, folder } = await world(include(header), configured);
    const headers = await find();
    expect(headers.version).toBe(version);
    expect(headers.folder.startsWith(join(folder, "cache"))).toBe(true);
    expect(await readdir(headers.folder)).toEqual(["NvInferRuntime.h", "NvInferVersion.h"]);
    expect(await readFile(join(headers.folder, "NvInferVersion.h"), "utf8")).toBe(header);
  });

  it("has another digest when a header changes, and the same one when it is asked again", async () => {
    const { find, available, folder } = await world(include(plain(10)), configured);
    const first = await find();
    expect(await find()).toEqual(first);
    expect((await available())?.sha256).toBe(first.sha256);
    await writeFile(join(folder, "include/NvInferRuntime.h"), "// changed\n");
    const second = await find();
    expect(second.sha256).not.toBe(first.sha256);
    expect(second.folder).not.toBe(first.folder);
  });

  it.each([
    ["without the runtime's header", { "include/NvInferVersion.h": plain(10) }, "holds no NvInferRuntime.h"],
    ["that is not there", {}, "holds no NvInferRuntime.h"],
    ["of TensorRT 9", include(plain(9)), "is of TensorRT 9.13.3, but the plugin is for 10 and 11"],
    ["of TensorRT 12", include(plain(12)), "is of TensorRT 12.13.3"],
    ["without a version", include("// nothing\n"), "names no version of TensorRT"],
  ])("refuses a folder %s", async (_what, files, message) => {
    const { find, available } = await world(files as Record<string, string>, configured);
    await expect(find()).rejects.toMatchObject({
      code: "TS4009",
      exit: "environment",
      message: expect.stringMatching(new RegExp(`^TENSORRT_INCLUDE: .*${message}.*\\.$`)),
    });
    expect(await available()).toBeUndefined();
  });
});

describe("the crate", () => {
  it("needs cargo", async () => {
    const { find } = await world({});
    await expect(find()).rejects.toMatchObject({
      code: "TS4010",
      exit: "environment",
      message: expect.stringContaining("TENSORRT_INCLUDE is not set, and cargo"),
    });
  });

  it("says why cargo failed", async () => {
    const { find } = await world({ "bin/cargo": "#!/bin/sh\necho 'error: no network' >&2\nexit 101\n" });
    await expect(find()).rejects.toMatchObject({ code: "TS4010", message: expect.stringMatching(/: no network\.$/) });
  });

  it("must be where cargo keeps crates", async () => {
    const { find, folder } = await world({ "bin/cargo": "#!/bin/sh\nexit 0\n" });
    await expect(find()).rejects.toMatchObject({
      code: "TS4010",
      message: expect.stringContaining(`left no crate trtx-sys 0.9.1 in ${join(folder, ".cargo/registry/src")}`),
    });
  });

  it("is refused when its headers are not those that were reviewed, and nothing is kept of it", async () => {
    const headers = "$CARGO_HOME/registry/src/index/trtx-sys-0.9.1+rtx1.7/TensorRT-Headers/TRT-Enterprise-11.4";
    const cargo = `#!/bin/sh
[ "$3" = trtx-sys@0.9.1 ] || exit 1
mkdir -p "${headers}"
echo '// altered' > "${headers}/NvInferRuntime.h"
cat > "${headers}/NvInferVersion.h" <<'END'
${indirect}END
`;
    const { find, available, folder } = await world({ "bin/cargo": cargo }, { CARGO_HOME: "@/cargo" });
    await expect(find()).rejects.toMatchObject({
      code: "TS4009",
      message: expect.stringContaining("are not those of trtx-sys 0.9.1"),
    });
    expect(await available()).toBeUndefined();
    expect(await readdir(join(folder, "cache/v1"))).toEqual(["tmp"]);
  });
});
