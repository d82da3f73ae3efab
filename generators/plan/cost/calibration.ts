import type { GpuCalibration } from "./types.ts";

/** Made by `npx zx scripts/calibrate.mjs` from bench records; do not edit. */
export const calibrations: readonly GpuCalibration[] = [
  // 35 times of kernel sources 44f94d0e83ef: median error 2.1%, largest 11.6%.
  {
    gpu: "NVIDIA H200",
    arch: "sm_90a",
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
