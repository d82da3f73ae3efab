import type { Fit } from "./fit.ts";

/** The text of generators/plan/cost/calibration.ts, before it is formatted. */
export function calibrationModule(fits: readonly Fit[]): string {
  const entries = fits.map((fit) => `// ${provenance(fit)}\n${JSON.stringify(fit.calibration)},\n`);
  return `import type { GpuCalibration } from "./types.ts";

/** Made by \`npx zx scripts/calibrate.mjs\` from bench records; do not edit. */
export const calibrations: readonly GpuCalibration[] = [
${entries.join("")}];
`;
}

function provenance({ observations, medianError, largestError }: Fit): string {
  return `Of ${observations} times: median error ${percent(medianError)}, largest ${percent(largestError)}.`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
