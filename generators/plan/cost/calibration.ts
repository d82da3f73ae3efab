import type { GpuCalibration } from "./types.ts";

/** Made by `npx zx scripts/calibrate.mjs` from bench records; do not edit. */
export const calibrations: readonly GpuCalibration[] = [
  // Of 84 times: median error 2.6%, largest 9.3%.
  {
    gpu: "NVIDIA H200",
    arch: "sm_90a",
    sourcesSha256: "2e88d072407f1d7e618c8d97924451b03bdfefb269a7d79a94259d9f60f5331e",
    copyGigabytesPerSecond: 4258,
    callMicroseconds: 0,
    launchMicroseconds: 2.134,
    paths: {
      predict8_few: { share: 0.457, microsecondsPerKiloResult: 0.04823 },
      predict8_many: { share: 0.5685, microsecondsPerKiloResult: 0.1359 },
      predict16_few: { share: 0.7698, microsecondsPerKiloResult: 0.0391 },
      predict16_many: { share: 0.7862, microsecondsPerKiloResult: 0.07124 },
      gate_few: { share: 0.8651, microsecondsPerKiloResult: 0.3897 },
      ffn_few: { share: 0.9116, microsecondsPerKiloResult: 0.2649 },
      ffn_many: { share: 0.9107, microsecondsPerKiloResult: 0.0835 },
      experts_many: { share: 0.7391, microsecondsPerKiloResult: 0.3103 },
      dense_ffn: { share: 0.9747, microsecondsPerKiloResult: 0.03913 },
      dense_experts: { share: 0.8606, microsecondsPerKiloResult: 0.3024 },
    },
  },
];
