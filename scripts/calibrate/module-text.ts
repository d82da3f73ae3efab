import type { Fit } from "./fit.ts";

export interface CalibratedGpu extends Fit {
  readonly sourcesSha256: string;
}

/** The text of generators/plan/cost/calibration.ts, before it is formatted. */
export function calibrationModule(gpus: readonly CalibratedGpu[]): string {
  const entries = gpus.map((gpu) => `// ${provenance(gpu)}\n${JSON.stringify(gpu.calibration)},\n`);
  return `import type { GpuCalibration } from "./types.ts";

/** Made by \`npx zx scripts/calibrate.mjs\` from bench records; do not edit. */
export const calibrations: readonly GpuCalibration[] = [
${entries.join("")}];
`;
}

function provenance({ observations, sourcesSha256, medianError, largestError }: CalibratedGpu): string {
  const sources = sourcesSha256.slice(0, 12);
  return `${observations} times of kernel sources ${sources}: median error ${percent(medianError)}, largest ${percent(largestError)}.`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
