import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRunProcess } from "../../../generators/io/process.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "turbosparse-process-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const idle = new AbortController().signal;
const run = createRunProcess(process.env, idle);

/** A shell whose grandchild would write a file after a second: it must not outlive its group. */
const grandchild = (marker: string): string[] => ["-c", `(sleep 1; echo alive > ${marker}) & wait`];

describe("createRunProcess", () => {
  it("reports the exit code and both streams", async () => {
    const result = await run("sh", ["-c", "echo out; echo err >&2; exit 7"]);
    expect(result).toMatchObject({
      exitCode: 7,
      stdout: "out\n",
      stderr: "err\n",
      timedOut: false,
      spawnError: undefined,
    });
  });

  it("reports a program that is not there as a value", async () => {
    const result = await run(join(folder, "absent"), []);
    expect(result.exitCode).toBeUndefined();
    expect(result.spawnError).toContain("ENOENT");
  });

  it("reports the signal that ended the program", async () => {
    const result = await run("sh", ["-c", "kill -9 $$"]);
    expect(result).toMatchObject({ exitCode: undefined, signal: "SIGKILL", timedOut: false });
  });

  it("adds and removes environment variables", async () => {
    const withHome = createRunProcess({ PATH: process.env.PATH, GONE: "1" }, idle);
    const result = await withHome("sh", ["-c", "echo $ADDED-${GONE:-unset}"], {
      env: { ADDED: "yes", GONE: undefined },
    });
    expect(result.stdout).toBe("yes-unset\n");
  });

  it("ends the whole process group on a timeout", async () => {
    const marker = join(folder, "marker");
    const result = await run("sh", grandchild(marker), { timeoutMs: 100 });
    expect(result.timedOut).toBe(true);
    await sleep(1300);
    await expect(readFile(marker)).rejects.toThrow("ENOENT");
  });

  it("ends the whole process group and rejects on abort", async () => {
    const marker = join(folder, "marker");
    const controller = new AbortController();
    const pending = createRunProcess(process.env, controller.signal)("sh", grandchild(marker));
    setTimeout(() => controller.abort(), 100);
    await expect(pending).rejects.toThrow("aborted");
    await sleep(1300);
    await expect(readFile(marker)).rejects.toThrow("ENOENT");
  });
});
