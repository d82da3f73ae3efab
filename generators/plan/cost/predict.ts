import type { CallTerms } from "./terms.ts";
import type { GpuCalibration } from "./types.ts";

/** Bytes that one GB/s brings in a microsecond. */
const bytesPerMicrosecond = 1000;

/** Microseconds at `share` of the copy bandwidth: the reciprocal is what the time is linear in. */
export function copyMicroseconds(bytes: number, copyGigabytesPerSecond: number): number {
  return bytes / (copyGigabytesPerSecond * bytesPerMicrosecond);
}

/** Predicted time of a call in microseconds; undefined when the GPU has no constants for a part of it. */
export function predictMicroseconds(gpu: GpuCalibration, { launches, parts }: CallTerms): number | undefined {
  let time = gpu.callMicroseconds + launches * gpu.launchMicroseconds;
  for (const { path, bytes, kiloResults } of parts) {
    const constants = gpu.paths[path];
    if (constants === undefined) return undefined;
    time += kiloResults * constants.microsecondsPerKiloResult;
    time += copyMicroseconds(bytes, gpu.copyGigabytesPerSecond) / constants.share;
  }
  return time;
}
