import type { GpuCalibration } from "./types.ts";

/** Made by `npx zx scripts/calibrate.mjs` from bench records; do not edit. */
export const calibrations: readonly GpuCalibration[] = [
  // Of 88 times: median error 2.5%, largest 10.1%.
  {
    gpu: "NVIDIA H200",
    arch: "sm_90a",
    sourcesSha256: "8ce6d3e90dc668f5ae71852404f1d2172ff2d9a01ba08b535e8d84e355013939",
    copyGigabytesPerSecond: 4259,
    callMicroseconds: 0,
    launchMicroseconds: 2.325,
    paths: {
      predict8_few: { share: 0.471, microsecondsPerKiloResult: 0.05002 },
      predict8_many: { share: 0.5522, microsecondsPerKiloResult: 0.13 },
      predict16_few: { share: 0.7987, microsecondsPerKiloResult: 0.04071 },
      predict16_many: { share: 0.956, microsecondsPerKiloResult: 0.08011 },
      gate_few: { share: 0.8244, microsecondsPerKiloResult: 0.1636 },
      gate_many: { share: 0.7622, microsecondsPerKiloResult: 0.03189 },
      ffn_few: { share: 0.9234, microsecondsPerKiloResult: 0.2251 },
      ffn_many: { share: 0.9149, microsecondsPerKiloResult: 0.07456 },
      experts_many: { share: 0.8058, microsecondsPerKiloResult: 0.3604 },
      dense_ffn: { share: 0.996, microsecondsPerKiloResult: 0.04076 },
      dense_experts: { share: 0.8396, microsecondsPerKiloResult: 0.1764 },
    },
  },
];
