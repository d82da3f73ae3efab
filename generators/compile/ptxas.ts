import type { KernelResources } from "./types.ts";

const entry = /^ptxas info\s*: Compiling entry function '([^']+)' for '([^']+)'$/;
const frame = /^\s*(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads$/;
const serialized = /wgmma\.mma_async instructions are serialized .* in the function '([^']+)'$/;
const used = /^ptxas info\s*: Used (\d+) registers(?:.*?, (\d+) bytes smem)?/;

/** Reads the kernels' resources out of what `-Xptxas -v` prints; device functions that are not kernels are left out. */
export function parsePtxasLog(log: string): KernelResources[] {
  const kernels: KernelResources[] = [];
  const lines = log.split("\n");
  // ptxas says it before or after it reports the kernel.
  const waiting = new Set(lines.map((line) => serialized.exec(line)?.[1]));
  let current: { symbol: string; arch: string; stackBytes: number; spillBytes: number } | undefined;
  for (const line of lines) {
    const started = entry.exec(line);
    if (started !== null) {
      current = { symbol: started[1] ?? "", arch: started[2] ?? "", stackBytes: 0, spillBytes: 0 };
      continue;
    }
    if (current === undefined) continue;
    const stack = frame.exec(line);
    if (stack !== null) {
      current.stackBytes = Number(stack[1]);
      current.spillBytes = Number(stack[2]) + Number(stack[3]);
    }
    const registers = used.exec(line);
    if (registers !== null) {
      const staticSharedBytes = Number(registers[2] ?? 0);
      const isSerialized = waiting.has(current.symbol);
      kernels.push({ ...current, registers: Number(registers[1]), staticSharedBytes, serialized: isSerialized });
      current = undefined;
    }
  }
  return kernels;
}
