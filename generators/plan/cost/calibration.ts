import type { GpuCalibration } from "./types.ts";

/** Made by `npx zx scripts/calibrate.mjs` from bench records; do not edit. */
export const calibrations: readonly GpuCalibration[] = [
  // Of 89 times: median error 2.2%, largest 9.4%.
  {
    gpu: "NVIDIA H200",
    arch: "sm_90a",
    sourcesSha256: "f01ee21776947bf535e102c1837804479566a5e5ccb6c4748b83584e1513f133",
    copyGigabytesPerSecond: 4250,
    callMicroseconds: 0,
    launchMicroseconds: 2.477,
    paths: {
      predict8_few: { share: 0.7831, microsecondsPerKiloResult: 0.1067 },
      predict8_many: { share: 0.5546, microsecondsPerKiloResult: 0.07287 },
      predict16_few: { share: 1, microsecondsPerKiloResult: 0.03715 },
      predict16_many: { share: 0.8881, microsecondsPerKiloResult: 0.03646 },
      gate_few: { share: 0.8326, microsecondsPerKiloResult: 0.1901 },
      gate_many: { share: 0.8764, microsecondsPerKiloResult: 0.0879 },
      ffn_few: { share: 0.9843, microsecondsPerKiloResult: 0.19 },
      ffn_many: { share: 0.9728, microsecondsPerKiloResult: 0.07067 },
      experts_many: { share: 0.939, microsecondsPerKiloResult: 0.2891 },
      dense_ffn: { share: 1.03, microsecondsPerKiloResult: 0.04159 },
      dense_experts: { share: 0.8688, microsecondsPerKiloResult: 0.2166 },
    },
  },
];
