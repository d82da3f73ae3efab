import type { Arch, Pipe } from "./types.ts";

/** What an architecture allows a block, and how large its usual GPU is. */
export interface ArchLimits {
  /** Largest shared memory of one block, bytes. */
  readonly sharedBytesPerBlock: number;
  /** Shared memory of one multiprocessor, bytes; a resident block costs 1 KiB more than it asks for. */
  readonly sharedBytesPerSm: number;
  readonly threadsPerSm: number;
  /** Pipes in order of preference. */
  readonly pipes: readonly Pipe[];
  /** Multiprocessors of the GPU named beside it: a yardstick for spreading work, never a limit. */
  readonly multiprocessors: number;
}

/**
 * The same for every architecture here. CUDA C++ Programming Guide, "Technical Specifications per Compute Capability"
 * and "Maximize Utilization": each of the four partitions of a multiprocessor schedules its own warps out of its own
 * quarter of the registers, which are handed out 8 a thread at a time.
 */
const registersPerThread = 255;
const partitions = 4;
const registersPerPartition = 65536 / partitions;
const registerUnit = 8;
/** Shared memory that the driver keeps of each resident block, bytes. */
const reservedSharedBytesPerBlock = 1024;

const kib = 1024;
const portable = { pipes: ["async"] } as const;

/**
 * Shared memory and threads: CUDA C++ Programming Guide 13.0, "Technical Specifications per Compute Capability".
 * Multiprocessors: NVIDIA's data sheets of the GPU in the comment.
 */
export const archLimits: Readonly<Record<Arch, ArchLimits>> = {
  // A100
  sm_80: {
    ...portable,
    sharedBytesPerBlock: 163 * kib,
    sharedBytesPerSm: 164 * kib,
    threadsPerSm: 2048,
    multiprocessors: 108,
  },
  // A40
  sm_86: {
    ...portable,
    sharedBytesPerBlock: 99 * kib,
    sharedBytesPerSm: 100 * kib,
    threadsPerSm: 1536,
    multiprocessors: 84,
  },
  // L40S
  sm_89: {
    ...portable,
    sharedBytesPerBlock: 99 * kib,
    sharedBytesPerSm: 100 * kib,
    threadsPerSm: 1536,
    multiprocessors: 142,
  },
  // H100 SXM, H200
  sm_90a: {
    pipes: ["bulk", "async"],
    sharedBytesPerBlock: 227 * kib,
    sharedBytesPerSm: 228 * kib,
    threadsPerSm: 2048,
    multiprocessors: 132,
  },
  // B200
  sm_100a: {
    ...portable,
    sharedBytesPerBlock: 227 * kib,
    sharedBytesPerSm: 228 * kib,
    threadsPerSm: 2048,
    multiprocessors: 148,
  },
  // RTX PRO 6000 Blackwell
  sm_120a: {
    ...portable,
    sharedBytesPerBlock: 99 * kib,
    sharedBytesPerSm: 100 * kib,
    threadsPerSm: 1536,
    multiprocessors: 188,
  },
  // PTX must run on the smallest of the architectures above; compute capability 8.6 has the least of everything.
  compute_80: {
    ...portable,
    sharedBytesPerBlock: 99 * kib,
    sharedBytesPerSm: 100 * kib,
    threadsPerSm: 1536,
    multiprocessors: 84,
  },
};

/** Registers a thread may use so that one block of `threads` threads fits a multiprocessor. */
export function registerLimit(threads: number): number {
  const warpsPerPartition = Math.ceil(threads / 32 / partitions);
  const units = Math.floor(registersPerPartition / warpsPerPartition / 32 / registerUnit);
  return Math.min(registersPerThread, units * registerUnit);
}

/** Blocks of one kernel that a multiprocessor holds at once. */
export function residentBlocks(
  limits: ArchLimits,
  block: { sharedBytes: number; threads: number; registers: number },
): number {
  const registersPerWarp = Math.ceil(block.registers / registerUnit) * registerUnit * 32;
  const warps = partitions * Math.floor(registersPerPartition / registersPerWarp);
  return Math.min(
    Math.floor(limits.sharedBytesPerSm / (block.sharedBytes + reservedSharedBytesPerBlock)),
    Math.floor(limits.threadsPerSm / block.threads),
    Math.floor((32 * warps) / block.threads),
  );
}
