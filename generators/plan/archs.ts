import type { Arch, MatrixOp, Pipe } from "./types.ts";

/** What an architecture allows a block, and how large its usual GPU is. */
export interface ArchLimits {
  /** Largest shared memory of one block, bytes. */
  readonly sharedBytesPerBlock: number;
  /** Shared memory of one multiprocessor, bytes; a resident block costs 1 KiB more than it asks for. */
  readonly sharedBytesPerSm: number;
  readonly threadsPerSm: number;
  readonly blocksPerSm: number;
  /** Pipes in order of preference. */
  readonly pipes: readonly Pipe[];
  /** What multiplies many tokens. */
  readonly matrixOp: MatrixOp;
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
const sharedUnit = 128;
const warpSize = 32;

const kib = 1024;
const portable = { pipes: ["async"], matrixOp: "mma" } as const;

/**
 * Shared memory, threads and blocks: CUDA C++ Programming Guide 13.0, "Technical Specifications per Compute Capability".
 * Multiprocessors: NVIDIA's data sheets of the GPU in the comment.
 */
export const archLimits: Readonly<Record<Arch, ArchLimits>> = {
  // A100
  sm_80: {
    ...portable,
    sharedBytesPerBlock: 163 * kib,
    sharedBytesPerSm: 164 * kib,
    threadsPerSm: 2048,
    blocksPerSm: 32,
    multiprocessors: 108,
  },
  // A40
  sm_86: {
    ...portable,
    sharedBytesPerBlock: 99 * kib,
    sharedBytesPerSm: 100 * kib,
    threadsPerSm: 1536,
    blocksPerSm: 16,
    multiprocessors: 84,
  },
  // L40S
  sm_89: {
    ...portable,
    sharedBytesPerBlock: 99 * kib,
    sharedBytesPerSm: 100 * kib,
    threadsPerSm: 1536,
    blocksPerSm: 24,
    multiprocessors: 142,
  },
  // H100 SXM, H200
  sm_90a: {
    pipes: ["bulk", "async"],
    matrixOp: "wgmma",
    sharedBytesPerBlock: 227 * kib,
    sharedBytesPerSm: 228 * kib,
    threadsPerSm: 2048,
    blocksPerSm: 32,
    multiprocessors: 132,
  },
  // B200
  sm_100a: {
    ...portable,
    sharedBytesPerBlock: 227 * kib,
    sharedBytesPerSm: 228 * kib,
    threadsPerSm: 2048,
    blocksPerSm: 32,
    multiprocessors: 148,
  },
  // RTX PRO 6000 Blackwell
  sm_120a: {
    ...portable,
    sharedBytesPerBlock: 99 * kib,
    sharedBytesPerSm: 100 * kib,
    threadsPerSm: 1536,
    blocksPerSm: 24,
    multiprocessors: 188,
  },
  // PTX must run on the smallest of the architectures above; compute capability 8.6 has the least of everything.
  compute_80: {
    ...portable,
    sharedBytesPerBlock: 99 * kib,
    sharedBytesPerSm: 100 * kib,
    threadsPerSm: 1536,
    blocksPerSm: 16,
    multiprocessors: 84,
  },
};

/** Registers a thread may use so that one block of `threads` threads fits a multiprocessor. */
export function registerLimit(threads: number): number {
  const warpsPerPartition = Math.ceil(threads / 32 / partitions);
  const units = Math.floor(registersPerPartition / warpsPerPartition / 32 / registerUnit);
  return Math.min(registersPerThread, units * registerUnit);
}

/** What a block of one kernel takes of a multiprocessor. */
export interface BlockResources {
  /** Static and dynamic. */
  readonly sharedBytes: number;
  readonly threads: number;
  /** A thread. */
  readonly registers: number;
}

/**
 * Blocks of one kernel that a multiprocessor holds at once; 0 when it cannot run. CUDA's occupancy calculator,
 * `cudaOccMaxActiveBlocksPerMultiprocessor` of cuda_occupancy.h, with all shared memory that an architecture has.
 */
export function residentBlocks(limits: ArchLimits, block: BlockResources): number {
  const warps = Math.ceil(block.threads / warpSize);
  const registersPerWarp = roundUp(block.registers, registerUnit) * warpSize;
  const sharedBytes = roundUp(block.sharedBytes + reservedSharedBytesPerBlock, sharedUnit);
  // A launch is refused as if its warps took registers in all partitions alike.
  if (registersPerWarp * roundUp(warps, partitions) > partitions * registersPerPartition) return 0;
  return Math.min(
    limits.blocksPerSm,
    Math.floor(limits.sharedBytesPerSm / sharedBytes),
    Math.floor(limits.threadsPerSm / warpSize / warps),
    Math.floor((partitions * Math.floor(registersPerPartition / registersPerWarp)) / warps),
  );
}

/** Share of the warps that a multiprocessor can hold which resident blocks of one kernel fill, in [0, 1]. */
export function occupancy(limits: ArchLimits, block: BlockResources): number {
  return (residentBlocks(limits, block) * Math.ceil(block.threads / warpSize) * warpSize) / limits.threadsPerSm;
}

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;
