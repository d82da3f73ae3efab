import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recordText } from "../../generators/package/wheel/record.ts";
import { readZip, writeZip } from "../../generators/package/wheel/zip.ts";
import { main } from "../support/build-world.ts";
import { buildRealWheel } from "../support/real-wheel.ts";

const library = "turbosparse/lib/libturbosparse.so";
const manifest = "turbosparse/manifest.json";

let folder: string;
let wheel: Awaited<ReturnType<typeof buildRealWheel>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "turbosparse-verify-"));
  wheel = await buildRealWheel(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const verify = (path: string, ...more: string[]) =>
  execa(process.execPath, [main, "verify", path, ...more], { cwd: folder, reject: false });

describe("a wheel as it was built", () => {
  it("passes, and its architectures, operators and registers are shown", async () => {
    const { exitCode, stdout } = await verify(wheel.path);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^architectures +sm_90a$/m);
    expect(stdout).toMatch(
      /^exports +__tvm_ffi_activate, __tvm_ffi_add_rms_norm, __tvm_ffi_built_kernels, __tvm_ffi_ffn, /m,
    );
    expect(stdout).toMatch(/^ffn_stream_sm90a_bf16_h4096_drelu_e1_t1_r3 +\d+ +0 +\d+ +\d+ +\d+ +\d+ +1 +\d+%$/m);
    expect(stdout).toMatch(/^All checks passed\.$/m);
  });

  it("has JSON for programs", async () => {
    const found = JSON.parse((await verify(wheel.path, "--json")).stdout);
    expect(found).toMatchObject({ ok: true, problems: [], library: { archs: ["sm_90a"] } });
    expect(found.kernels).toContainEqual(
      expect.objectContaining({ family: "support", threads: 256, dynamicSharedBytes: 0, stages: null, spillBytes: 0 }),
    );
  });
});

type Edit = (files: Map<string, Uint8Array>) => void;

const text = (files: ReadonlyMap<string, Uint8Array>, path: string): string =>
  Buffer.from(files.get(path) ?? []).toString();
const edit =
  (path: string, change: (content: string) => string): Edit =>
  (files) =>
    files.set(path, Buffer.from(change(text(files, path))));

const infoOf = (files: ReadonlyMap<string, Uint8Array>): string =>
  [...files.keys()].find((path) => path.endsWith("/RECORD"))?.replace("/RECORD", "") ?? "";

const altered: Edit = (files) => {
  const bytes = Uint8Array.from(files.get(library) ?? []);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  files.set(library, bytes);
};

/** Each case keeps RECORD right unless it is about RECORD: what is found is what was changed. */
const cases: readonly { what: string; change: Edit; reseal?: boolean; problem: RegExp }[] = [
  { what: "one altered bit of the library", change: altered, reseal: true, problem: /does not have the SHA-256/ },
  { what: "one altered bit under a stale RECORD", change: altered, problem: /size and digest that RECORD gives it/ },
  {
    what: "an architecture that is only claimed",
    change: edit(manifest, (json) => json.replace('"sm_90a"\n  ]', '"sm_90a",\n    "sm_80"\n  ]')),
    reseal: true,
    problem: /lists sm_80, but .* holds no code for it/,
  },
  {
    what: "an architecture that is not declared",
    change: edit(manifest, (json) => json.replace('"sm_90a"\n  ]', '"sm_100a"\n  ]')),
    reseal: true,
    problem: /holds code for sm_90a, which the manifest does not list/,
  },
  {
    what: "a kernel that is not there",
    change: edit(manifest, (json) => json.replace("ffn_stream_sm90a_bf16_h4096", "ffn_stream_sm90a_bf16_h8192")),
    reseal: true,
    problem: /lists ffn_stream_sm90a_bf16_h8192.*, which .* does not know/,
  },
  {
    what: "an unknown key of the manifest",
    change: edit(manifest, (json) => json.replace('"version"', '"verzion"')),
    reseal: true,
    problem: /manifest\.json is not one of this version/,
  },
  {
    what: "a manifest that is not JSON",
    change: edit(manifest, (json) => json.slice(0, 100)),
    reseal: true,
    problem: /manifest\.json is not one of this version/,
  },
  {
    what: "no library",
    change: (files) => files.delete(library),
    reseal: true,
    problem: /libturbosparse\.so is missing/,
  },
  {
    what: "no manifest",
    change: (files) => files.delete(manifest),
    reseal: true,
    problem: /manifest\.json is missing/,
  },
  {
    what: "a library cut short",
    change: (files) => files.set(library, (files.get(library) ?? new Uint8Array()).subarray(0, 5000)),
    reseal: true,
    problem: /cannot be loaded: it ends before/,
  },
  {
    what: "a file that RECORD does not know",
    change: (files) => files.set("turbosparse/extra.py", Buffer.from("x")),
    problem: /RECORD does not list turbosparse\/extra\.py/,
  },
  {
    what: "another platform tag",
    change: (files) =>
      edit(`${infoOf(files)}/WHEEL`, (body) => body.replace(/manylinux_2_\d+/, "manylinux_2_17"))(files),
    reseal: true,
    problem: /WHEEL says Tag: py3-none-manylinux_2_17_x86_64, the library needs/,
  },
  {
    what: "another version in METADATA",
    change: (files) =>
      edit(`${infoOf(files)}/METADATA`, (body) => body.replace(/^Version: .*/m, "Version: 9.9.9"))(files),
    reseal: true,
    problem: /METADATA does not give the version/,
  },
];

describe("a wheel that was tampered with", () => {
  it.each(cases)("fails for $what", async ({ what, change, reseal, problem }) => {
    const files = new Map(await readZip(wheel.bytes));
    const record = `${infoOf(files)}/RECORD`;
    change(files);
    if (reseal === true) {
      files.delete(record);
      files.set(record, Buffer.from(recordText(files, record)));
    }
    const path = join(await mkdtemp(join(folder, "case-")), wheel.name);
    await writeFile(path, await writeZip(files));
    const { exitCode, stdout, stderr } = await verify(path);
    expect(stdout, what).toMatch(problem);
    expect(stderr).toMatch(/^error\[TS5102\]: /);
    expect(exitCode).toBe(5);
  });

  it("fails when it was renamed, truncated, or is no archive", async () => {
    const renamed = join(folder, "turbosparse-0.1.0-py3-none-manylinux_2_5_x86_64.whl");
    await writeFile(renamed, wheel.bytes);
    expect(await verify(renamed)).toMatchObject({ exitCode: 5, stdout: expect.stringContaining("should be called") });
    await writeFile(renamed, wheel.bytes.subarray(0, wheel.bytes.length / 2));
    expect(await verify(renamed)).toMatchObject({ exitCode: 5 });
    await writeFile(renamed, "text");
    expect(await verify(renamed)).toMatchObject({
      exitCode: 5,
      stdout: expect.stringContaining("cannot be read as a wheel"),
    });
  });

  it("ends with 2 for a file that is not there", async () => {
    expect(await verify("none.whl")).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("error[TS5101]") });
  });
});
