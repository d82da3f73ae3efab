import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { buildWorld, main, smallConfig } from "../support/build-world.ts";
import { withPrivateMounts } from "../support/private-mounts.ts";

/** Shell functions of the scripts: a command's exit code and messages, and the state of a folder. */
const prelude = `
run() { code=0; "${process.execPath}" "${main}" "$@" 2>err >out || code=$?; echo "$code $(grep -o 'error\\[[A-Z0-9]*\\]' err || true)"; }
leftovers() { find "$1" -name '*.tmp' -o -path '*/v1/tmp/*' -print -quit 2>/dev/null | wc -l; }
`;

describe("a full disk", () => {
  it("under the cache ends the build with 6 at whatever point, and nothing half-written is left", async () => {
    const world = await buildWorld();
    // The toolchain comes first; after it, the free space runs out a little later each time.
    const output = await withPrivateMounts(
      `${prelude}
      cd "${world.folder}"
      mkdir full
      base=$(du -sk cache | cut -f1)
      for free in 8 24 64 128 256 400; do
        mount -t tmpfs -o size=$((base + free))k tmpfs full
        cp -a cache/. full/
        TURBOSPARSE_CACHE=full run build --out "dist-$free"
        TURBOSPARSE_CACHE=full run cache verify
        leftovers full
        ls "dist-$free" 2>/dev/null | grep -c whl || true
        umount full
      done
      mount -t tmpfs -o size=$((base + 24))k tmpfs full
      cp -a cache/. full/
      TURBOSPARSE_CACHE=full run build --out dist
      mount -o remount,size=$((base + 20000))k full
      TURBOSPARSE_CACHE=full run build --out dist
      ls dist | grep -c whl`,
      world.vars,
    );
    const lines = output
      .trimEnd()
      .split("\n")
      .map((line) => line.trim());
    const failed = ["6 error[TS6002]", "0", "0", "0"];
    expect(lines).toEqual([...Array(6).fill(failed).flat(), "6 error[TS6002]", "0", "1"]);
  });

  it("under the output folder ends the build with 6 and leaves no part of a wheel", async () => {
    const world = await buildWorld();
    const output = await withPrivateMounts(
      `${prelude}
      cd "${world.folder}"
      mkdir dist
      mount -t tmpfs -o size=16k tmpfs dist
      run build
      ls -A dist
      mount -o remount,size=20m dist
      run build
      ls dist | grep -c whl`,
      world.vars,
    );
    expect(
      output
        .trimEnd()
        .split("\n")
        .map((line) => line.trim()),
    ).toEqual(["3 error[TS5003]", "0", "1"]);
  });
});

describe("a read-only cache", () => {
  it("serves what it holds, builds the rest in a temporary folder with a note, and is not changed", async () => {
    const world = await buildWorld();
    await world.build();
    await world.compiled();
    await writeFile(join(world.folder, "wider.yaml"), smallConfig.replace("sm_90a", "sm_90a, sm_80"));
    const output = await withPrivateMounts(
      `${prelude}
      cd "${world.folder}"
      mkdir temporary
      export TMPDIR="$PWD/temporary"
      mount --bind cache cache
      mount -o remount,bind,ro cache
      before=$(find cache | sort | sha256sum)
      run build --out warm
      wc -l < "$FAKE_NVCC_LOG" 2>/dev/null || echo none
      run build --out cold --config wider.yaml
      grep -c 'is read-only' err
      sort "$FAKE_NVCC_LOG" | grep -c sm90a || true
      sort "$FAKE_NVCC_LOG" | grep -c support_sm80
      ls warm cold | grep -c whl
      [ "$before" = "$(find cache | sort | sha256sum)" ] && echo unchanged
      ls -A temporary | wc -l`,
      world.vars,
    );
    expect(
      output
        .trimEnd()
        .split("\n")
        .map((line) => line.trim()),
    ).toEqual(["0", "none", "0", "1", "0", "1", "2", "unchanged", "0"]);
  });
});
