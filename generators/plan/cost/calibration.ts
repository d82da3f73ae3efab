import type { GpuCalibration } from "./types.ts";

/** Made by `npx zx scripts/calibrate.mjs` from bench records; do not edit. */
export const calibrations: readonly GpuCalibration[] = [
  // Of 89 times: median error 1.4%, largest 9.4%.
  {
    gpu: "NVIDIA H200",
    arch: "sm_90a",
    sourcesSha256: "70012a9b0725fdcc785316211beecf62b02a554967275d86d0c27e2e9d80aed5",
    copyGigabytesPerSecond: 4257,
    callMicroseconds: 0,
    launchMicroseconds: 2.581,
    paths: {
      predict8_few: { share: 0.8019, microsecondsPerKiloResult: 0.1072 },
      predict8_many: { share: 0.5679, microsecondsPerKiloResult: 0.07487 },
      predict16_few: { share: 1.025, microsecondsPerKiloResult: 0.04271 },
      predict16_many: { share: 0.9268, microsecondsPerKiloResult: 0.03677 },
      gate_few: { share: 0.8382, microsecondsPerKiloResult: 0.1671 },
      gate_many: { share: 0.8183, microsecondsPerKiloResult: 0.006106 },
      ffn_few: { share: 0.9671, microsecondsPerKiloResult: 0.1585 },
      ffn_many: { share: 0.9515, microsecondsPerKiloResult: 0.03173 },
      experts_many: { share: 0.9066, microsecondsPerKiloResult: 0.2202 },
      dense_ffn: { share: 1.026, microsecondsPerKiloResult: 0.04293 },
      dense_experts: { share: 0.854, microsecondsPerKiloResult: 0.2271 },
    },
  },
];
