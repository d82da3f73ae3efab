import type { GpuCalibration } from "./types.ts";

/** Made by `npx zx scripts/calibrate.mjs` from bench records; do not edit. */
export const calibrations: readonly GpuCalibration[] = [
  // Of 35 times: median error 2.1%, largest 11.6%.
  {
    gpu: "NVIDIA H200",
    arch: "sm_90a",
    sourcesSha256: "44f94d0e83ef2e1922c91df0bf6616f6430d414d1dc0538413ae73c92cca0e1f",
    copyGigabytesPerSecond: 4250,
    callMicroseconds: 0,
    launchMicroseconds: 1.998,
    paths: {
      ffn_few: { share: 0.998, microsecondsPerKiloResult: 0.3949 },
      ffn_many: { share: 0.5473, microsecondsPerKiloResult: 0.1791 },
      dense_ffn: { share: 1.017, microsecondsPerKiloResult: 0.04782 },
    },
  },
];
