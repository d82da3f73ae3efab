/** Memory to set aside for one nvcc: most units stay below, the heaviest reach twice as much. */
export const bytesPerJob = 2.5 * 1024 ** 3;

/** How many compilers may run now: as many as there are processors, and as memory has room for beside those running. */
export function jobLimit(cpuCount: number, availableBytes: number, running: number): number {
  return Math.max(1, Math.min(cpuCount, running + Math.floor(availableBytes / bytesPerJob)));
}
