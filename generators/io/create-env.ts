import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Env } from "./env.ts";
import { createNodeFs } from "./node-fs.ts";
import { createRunProcess } from "./process.ts";
import { createSystemProbe } from "./system.ts";
import { createTextSink } from "./text-sink.ts";

/** The real world: this process's folder, variables, files and terminal. Called once, by the command line's entry. */
export function createEnv(): Env {
  const signal = abortOnSignals(["SIGINT", "SIGTERM"]);
  const vars = process.env;
  return {
    cwd: process.cwd(),
    vars,
    packageRoot: findPackageRoot(dirname(fileURLToPath(import.meta.url))),
    fs: createNodeFs(),
    run: createRunProcess(vars, signal),
    system: createSystemProbe(),
    stdout: createTextSink(process.stdout),
    stderr: createTextSink(process.stderr),
    signal,
  };
}

/** Each handler serves once, so that a second Ctrl+C ends a process that does not react to the first. */
function abortOnSignals(names: readonly NodeJS.Signals[]): AbortSignal {
  const controller = new AbortController();
  for (const name of names) process.once(name, () => controller.abort());
  return controller.signal;
}

/** The bundle lies one folder below the root and this source file two: the nearest package.json serves both. */
function findPackageRoot(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (folder === dirname(folder)) throw new Error(`No package.json above ${start}.`);
  }
}
