import type { Env } from "../io/env.ts";
import type { Arch } from "../plan/types.ts";
import { archs as knownArchs } from "../plan/types.ts";
import { archForCapability } from "./archs.ts";
import type { Origin } from "./types.ts";

/** A hung driver must not hang a build; a healthy nvidia-smi answers well within this time. */
const timeoutMs = 5000;

const fallback: readonly Arch[] = ["sm_90a"];

/** Architectures of the GPUs in this machine, or sm_90a. Having no GPU is no error: most builds run without one. */
export async function detectArchs(env: Env): Promise<{ archs: readonly Arch[]; origin: Origin }> {
  const probe = await env.run("nvidia-smi", ["--query-gpu=compute_cap", "--format=csv,noheader"], { timeoutMs });
  if (probe.exitCode !== 0) {
    return { archs: fallback, origin: { source: "default", detail: "no GPU found by nvidia-smi" } };
  }
  const capabilities = probe.stdout.split("\n").map((line) => line.trim());
  const present = new Set(capabilities.map((capability) => archForCapability(capability)));
  const archs = knownArchs.filter((arch) => present.has(arch));
  if (archs.length === 0) {
    const found = capabilities.filter((capability) => capability !== "").join(", ");
    return { archs: fallback, origin: { source: "default", detail: `no kernels for compute capability ${found}` } };
  }
  return { archs, origin: { source: "machine", detail: "nvidia-smi --query-gpu=compute_cap" } };
}
