import type { BenchRecord, BenchResult } from "../../generators/report/record/schema.ts";

/** One layer of TurboSparse-Mistral-7B with the mask given, as a bench writes it. */
export const ffnShape: BenchResult["shape"] = {
  hidden: 4096,
  intermediate: 14336,
  experts: 1,
  topK: 1,
  rank: null,
  predictorBits: null,
  dtype: "bf16",
  activation: "drelu",
  layers: 16,
};

/** A result whose derived numbers agree with its time, unless `parts` says otherwise. */
export function benchResult(parts: Partial<BenchResult> = {}): BenchResult {
  const { tokens = 1, density = 0.1, shape = ffnShape } = parts;
  const unionDensity = 1 - (1 - density) ** tokens;
  const bytes = Math.round(unionDensity * shape.intermediate * shape.experts * 6 * shape.hidden);
  const microseconds = parts.microseconds ?? 4 + bytes / 4e6;
  const denseMicroseconds = parts.denseMicroseconds === undefined ? 88 : parts.denseMicroseconds;
  return {
    operator: "ffn",
    shape,
    tokens,
    density,
    unionDensity,
    path: "sparse",
    bytes,
    microseconds,
    denseMicroseconds,
    speedup: denseMicroseconds === null ? null : denseMicroseconds / microseconds,
    gigabytesPerSecond: bytes / microseconds / 1000,
    roofShare: bytes / microseconds / 4_250_000,
    verified: true,
    ...parts,
  };
}

export function benchRecord(results: readonly BenchResult[], parts: Partial<BenchRecord> = {}): BenchRecord {
  return {
    schemaVersion: 1,
    kind: "turbosparse-bench",
    gpu: "NVIDIA H200",
    driver: "580.159.04",
    torch: "2.11.0+cu130",
    cuda: "13.0",
    turbosparse: "0.1.0",
    archs: ["sm_90a"],
    nvcc: "13.0.88",
    commit: null,
    sourcesSha256: "0".repeat(64),
    copyGigabytesPerSecond: 4250,
    results: [...results],
    ...parts,
  };
}

/** Results at every combination of the tokens and densities. */
export function benchSweep(
  tokens: readonly number[],
  densities: readonly number[],
  parts: Partial<BenchResult> = {},
): BenchResult[] {
  return densities.flatMap((density) => tokens.map((count) => benchResult({ ...parts, tokens: count, density })));
}
