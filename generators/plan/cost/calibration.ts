import type { GpuCalibration } from "./types.ts";

/** Made by `npx zx scripts/calibrate.mjs` from bench records; do not edit. */
export const calibrations: readonly GpuCalibration[] = [
  // Of 81 times: median error 2.6%, largest 9.3%.
  {
    gpu: "NVIDIA H200",
    arch: "sm_90a",
    sourcesSha256: "2e88d072407f1d7e618c8d97924451b03bdfefb269a7d79a94259d9f60f5331e",
    copyGigabytesPerSecond: 4258,
    callMicroseconds: 0,
    launchMicroseconds: 2.151,
    paths: {
      predict8_few: { share: 0.4579, microsecondsPerKiloResult: 0.04789 },
      predict8_many: { share: 0.5705, microsecondsPerKiloResult: 0.1359 },
      predict16_few: { share: 0.7716, microsecondsPerKiloResult: 0.03876 },
      predict16_many: { share: 0.7886, microsecondsPerKiloResult: 0.07125 },
      ffn_few: { share: 0.9124, microsecondsPerKiloResult: 0.2571 },
      ffn_many: { share: 0.9116, microsecondsPerKiloResult: 0.08343 },
      experts_many: { share: 0.7386, microsecondsPerKiloResult: 0.3094 },
      dense_ffn: { share: 0.9756, microsecondsPerKiloResult: 0.03913 },
      dense_experts: { share: 0.8606, microsecondsPerKiloResult: 0.3032 },
    },
  },
];
