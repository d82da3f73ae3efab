import type { GpuCalibration } from "./types.ts";

/** Made by `npx zx scripts/calibrate.mjs` from bench records; do not edit. */
export const calibrations: readonly GpuCalibration[] = [
  // Of 82 times: median error 1.2%, largest 10.2%.
  {
    gpu: "NVIDIA H200",
    arch: "sm_90a",
    sourcesSha256: "28be250c387a271980e555d1e3f7bdf450a9b6f410552dd984985ee1dc21ded9",
    copyGigabytesPerSecond: 4257,
    callMicroseconds: 0,
    launchMicroseconds: 2.236,
    paths: {
      predict8_few: { share: 0.7407, microsecondsPerKiloResult: 0.103 },
      predict8_many: { share: 0.6064, microsecondsPerKiloResult: 0.1176 },
      predict16_few: { share: 0.9643, microsecondsPerKiloResult: 0.04351 },
      predict16_many: { share: 0.9479, microsecondsPerKiloResult: 0.08129 },
      ffn_few: { share: 0.9579, microsecondsPerKiloResult: 0.2563 },
      ffn_many: { share: 0.9346, microsecondsPerKiloResult: 0.08805 },
      experts_many: { share: 0.7402, microsecondsPerKiloResult: 0.003844 },
      dense_ffn: { share: 1.019, microsecondsPerKiloResult: 0.05401 },
      dense_experts: { share: 0.8518, microsecondsPerKiloResult: 0.2186 },
    },
  },
];
