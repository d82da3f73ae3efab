import { readFile } from "node:fs/promises";
import { arch, availableParallelism, freemem, machine } from "node:os";
import type { SystemProbe } from "./env.ts";
import { availableMemory } from "./memory.ts";

/** This machine's processors and memory. */
export function createSystemProbe(): SystemProbe {
  return {
    platform: process.platform,
    machine: machine() || arch(),
    cpuCount: availableParallelism(),
    availableMemory: async () =>
      (await availableMemory((path) => readFile(path, "utf8").catch(() => undefined))) ?? freemem(),
  };
}
