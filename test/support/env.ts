import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { Env, RunProcess, TextSink } from "../../generators/io/env.ts";
import { createNodeFs } from "../../generators/io/node-fs.ts";

export const repositoryRoot = fileURLToPath(new URL("../..", import.meta.url));

/** A text sink that remembers. */
export function recorder(options: { isTTY?: boolean; columns?: number } = {}): TextSink & { text(): string } {
  let written = "";
  return {
    isTTY: options.isTTY ?? false,
    columns: options.columns ?? 80,
    write: (text) => {
      written += text;
    },
    text: () => written,
  };
}

/** Answers every program as a machine that does not have it. */
const nothingInstalled: RunProcess = async (file, args) => ({
  command: [file, ...args].join(" "),
  exitCode: undefined,
  signal: undefined,
  spawnError: `${file}: not found`,
  timedOut: false,
  stdout: "",
  stderr: "",
  durationMs: 0,
});

/** A program that prints `stdout` and succeeds, whatever it is asked. */
export const printing =
  (stdout: string): RunProcess =>
  async (file, args) => ({ ...(await nothingInstalled(file, args)), exitCode: 0, spawnError: undefined, stdout });

export interface TestEnv extends Env {
  readonly out: () => string;
  readonly err: () => string;
}

/** The real file system in a fresh folder, and a world that is otherwise empty unless `parts` says more. */
export async function testEnv(parts: Partial<Env> = {}): Promise<TestEnv> {
  const cwd = await mkdtemp(join(tmpdir(), "turbosparse-"));
  onTestFinished(() => rm(cwd, { recursive: true, force: true }));
  const stdout = recorder();
  const stderr = recorder();
  return {
    cwd,
    vars: {},
    packageRoot: repositoryRoot,
    fs: createNodeFs(),
    run: nothingInstalled,
    system: {
      platform: "linux",
      machine: "x86_64",
      cpuCount: 1,
      availableMemory: async () => 2 ** 32,
    },
    stdout,
    stderr,
    signal: new AbortController().signal,
    ...parts,
    out: stdout.text,
    err: stderr.text,
  };
}
