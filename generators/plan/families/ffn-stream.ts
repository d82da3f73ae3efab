import { archLimits, registerLimit } from "../archs.ts";
import { type Candidate, type Choice, choose, type Preference } from "../choose.ts";
import type { FfnStreamKey } from "../names.ts";
import type { FfnStreamInstance, Pipe } from "../types.ts";

/** Elements of the 16-byte vectors that a thread moves. */
const vectorElements = 8;
const maxVectors = 4;
const threadChoices = Array.from({ length: 15 }, (_, i) => 64 + 32 * i);
const stageChoices = [8, 7, 6, 5, 4, 3, 2] as const;
const pipes: readonly Pipe[] = ["bulk", "async"];
const clusters = [2, 1] as const;

/** Dynamic shared memory of a block, bytes: ring, partial dot products, mbarriers, routing weights, neuron list. */
export function ffnStreamSharedBytes(i: FfnStreamInstance): number {
  const ring = i.stages * i.rows * i.hidden * 2;
  return ring + 16 * i.tokens * (i.threads / 32) + 16 * i.stages + 4 * i.tokens * i.experts + 4096 + 256;
}

/**
 * Estimated registers a thread: the tokens' inputs and output columns, and 40 for the rest, which is what ptxas 13.0
 * gets by with where a block leaves it no more.
 */
export function ffnStreamRegisters(i: Pick<FfnStreamInstance, "tokens" | "hidden" | "threads">): number {
  return i.tokens * 2 * (i.hidden / i.threads) + 40;
}

const vectorsOf = (i: Pick<FfnStreamInstance, "hidden" | "threads">) => i.hidden / vectorElements / i.threads;

/** Why `threads` threads cannot share the columns, or undefined. */
function threadObjection(key: FfnStreamKey, threads: number): string | undefined {
  const shape = { ...key, threads };
  const vectors = vectorsOf(shape);
  if (!Number.isInteger(vectors)) {
    return `The ${key.hidden / vectorElements} 16-byte vectors of a row do not divide among ${threads} threads.`;
  }
  if (vectors > maxVectors) {
    return `Each of ${threads} threads would own ${vectors} 16-byte vectors of the output, more than ${maxVectors}.`;
  }
  const registers = ffnStreamRegisters(shape);
  const limit = registerLimit(threads);
  if (registers > limit) {
    return `A thread needs about ${registers} registers; a block of ${threads} threads leaves ${limit}.`;
  }
  return undefined;
}

/** Why the ring cannot be filled by `pipe` in clusters of `cluster`, or undefined. */
function transportObjection(key: FfnStreamKey, pipe: Pipe, cluster: 1 | 2): string | undefined {
  const limits = archLimits[key.arch];
  if (!limits.pipes.includes(pipe)) return "The bulk-copy ring is built for sm_90a only.";
  if (!limits.clusters.includes(cluster)) return "Clusters are built for sm_90a only.";
  if (cluster > 1 && pipe !== "bulk") return "Clusters are built for the bulk-copy ring only.";
  return undefined;
}

/** Why a ring of `instance.stages` neurons cannot be, or undefined. */
function ringObjection(instance: FfnStreamInstance): string | undefined {
  const { stages, arch } = instance;
  const bytes = ffnStreamSharedBytes(instance);
  const limit = archLimits[arch].sharedBytesPerBlock;
  if (bytes > limit) {
    return `A ring of ${stages} neurons takes a block to ${bytes} bytes of shared memory; ${arch} has ${limit}.`;
  }
  if (instance.cluster > 1 && instance.tokens * 4 > stages * instance.rows * 2) {
    return `A ring of ${stages} neurons is too small to hand a partial output to the other block of the cluster.`;
  }
  return undefined;
}

function* ringCandidates(key: FfnStreamKey, threads: number): Generator<Candidate<FfnStreamInstance>> {
  const { family: _family, arch: _arch, ...shape } = key;
  for (const pipe of pipes) {
    for (const cluster of clusters) {
      const objection = transportObjection(key, pipe, cluster);
      if (objection !== undefined) {
        yield { legal: false, parameters: { ...shape, threads, pipe, cluster }, reason: objection };
        continue;
      }
      for (const stages of stageChoices) {
        const instance = { ...key, threads, stages, cluster, pipe };
        const reason = ringObjection(instance);
        if (reason === undefined) yield { legal: true, instance };
        else yield { legal: false, parameters: { ...shape, threads, pipe, cluster, stages }, reason };
      }
    }
  }
}

function* candidates(key: FfnStreamKey): Generator<Candidate<FfnStreamInstance>> {
  const { family: _family, arch: _arch, ...shape } = key;
  for (const threads of threadChoices) {
    const reason = threadObjection(key, threads);
    if (reason === undefined) yield* ringCandidates(key, threads);
    else yield { legal: false, parameters: { ...shape, threads }, reason };
  }
}

/** In order: two vectors a thread and 256 threads measured best on 4096 columns; then the widest pipe, then depth. */
const preferences: readonly Preference<FfnStreamInstance>[] = [
  {
    score: (i) => -Math.abs(vectorsOf(i) - 2),
    reason: (l, w) =>
      `${vectorsOf(l)} vectors a thread instead of ${vectorsOf(w)}: two hide latency with few registers.`,
  },
  {
    score: (i) => -Math.abs(i.threads - 256),
    reason: (l, w) => `${l.threads} threads instead of ${w.threads}: 256 make the barrier after each neuron cheap.`,
  },
  {
    score: (i) => -archLimits[i.arch].pipes.indexOf(i.pipe),
    reason: () => "One bulk copy brings a whole neuron; cp.async takes instructions of every thread.",
  },
  {
    score: (i) => -archLimits[i.arch].clusters.indexOf(i.cluster),
    reason: (l, w) => `Clusters of ${w.cluster} write half the partial outputs of clusters of ${l.cluster}.`,
  },
  {
    score: (i) => i.stages,
    reason: (l, w) => `${l.stages} neurons in flight hide less latency than ${w.stages}, which fit.`,
  },
];

function merit(i: FfnStreamInstance): string {
  const shared = `${ffnStreamSharedBytes(i)} of ${archLimits[i.arch].sharedBytesPerBlock} bytes of shared memory`;
  return `${vectorsOf(i)} vectors a thread, ${i.stages} neurons in flight through ${i.pipe} copies, clusters of ${i.cluster}: ${shared}.`;
}

export function chooseFfnStream(key: FfnStreamKey): Choice<FfnStreamInstance> {
  return choose(candidates(key), preferences, merit);
}
