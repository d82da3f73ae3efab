import { archLimits, registerLimit } from "../archs.ts";
import { type Candidate, type Choice, choose, type Preference } from "../choose.ts";
import type { FfnStreamKey } from "../names.ts";
import type { FfnStreamInstance, Pipe } from "../types.ts";

/** Elements of the 16-byte vectors that a thread moves. */
const vectorElements = 8;
const maxVectors = 4;
const maxBlockThreads = 1024;
const threadChoices = Array.from({ length: 15 }, (_, i) => 64 + 32 * i);
const stageChoices = [8, 7, 6, 5, 4, 3, 2] as const;
const pipes: readonly Pipe[] = ["bulk", "async"];

/** Dynamic shared memory of a block, bytes: ring, partial dot products, mbarriers, routing weights, neuron list. */
export function ffnStreamSharedBytes(i: FfnStreamInstance): number {
  const ring = i.stages * i.rows * i.hidden * 2;
  return ring + 32 * i.tokens * (i.threads / 32) + 16 * i.stages + 4 * i.tokens * i.experts + 4096 + 256;
}

/**
 * Estimated registers a thread: the tokens' inputs and output columns and 4 more a token, and 36 for the rest, which is
 * what ptxas 13.0 gets by with where a block leaves it no more.
 */
export function ffnStreamRegisters(i: Pick<FfnStreamInstance, "tokens" | "hidden" | "threads">): number {
  return i.tokens * (2 * (i.hidden / i.threads) + 4) + 36;
}

/** Threads of a block: over a bulk ring one token leaves registers for two teams, and one more warp sends. */
export function ffnStreamThreads({ threads, tokens, pipe }: Pick<FfnStreamInstance, "threads" | "tokens" | "pipe">) {
  return pipe === "bulk" ? (tokens === 1 ? 2 : 1) * threads + 32 : threads;
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
  return undefined;
}

/** Why a block cannot have teams of `threads` threads and what `pipe` adds to them, or undefined. */
function blockObjection(key: FfnStreamKey, threads: number, pipe: Pipe): string | undefined {
  const blockThreads = ffnStreamThreads({ ...key, threads, pipe });
  if (blockThreads > maxBlockThreads) {
    return `Teams of ${threads} threads and a warp that sends make ${blockThreads} threads; a block has ${maxBlockThreads}.`;
  }
  const registers = ffnStreamRegisters({ ...key, threads });
  const limit = registerLimit(blockThreads);
  if (registers > limit) {
    return `A thread needs about ${registers} registers; a block of ${blockThreads} threads leaves ${limit}.`;
  }
  return undefined;
}

function* ringCandidates(key: FfnStreamKey, threads: number): Generator<Candidate<FfnStreamInstance>> {
  const { family: _family, arch, ...shape } = key;
  const limits = archLimits[arch];
  for (const pipe of pipes) {
    if (!limits.pipes.includes(pipe)) {
      const reason = "The bulk-copy ring is built for sm_90a only.";
      yield { legal: false, parameters: { ...shape, threads, pipe }, reason };
      continue;
    }
    const objection = blockObjection(key, threads, pipe);
    if (objection !== undefined) {
      yield { legal: false, parameters: { ...shape, threads, pipe }, reason: objection };
      continue;
    }
    for (const stages of stageChoices) {
      const instance = { ...key, threads, stages, pipe };
      const bytes = ffnStreamSharedBytes(instance);
      if (bytes <= limits.sharedBytesPerBlock) {
        yield { legal: true, instance };
      } else {
        const reason = `A ring of ${stages} neurons takes a block to ${bytes} bytes of shared memory; ${arch} has ${limits.sharedBytesPerBlock}.`;
        yield { legal: false, parameters: { ...shape, threads, pipe, stages }, reason };
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
    score: (i) => i.stages,
    reason: (l, w) => `A ring of ${l.stages} neurons hides less latency than one of ${w.stages}, which fits.`,
  },
];

function merit(i: FfnStreamInstance): string {
  const shared = `${ffnStreamSharedBytes(i)} of ${archLimits[i.arch].sharedBytesPerBlock} bytes of shared memory`;
  return `${vectorsOf(i)} vectors a thread, a ring of ${i.stages} neurons filled by ${i.pipe} copies: ${shared}.`;
}

export function chooseFfnStream(key: FfnStreamKey): Choice<FfnStreamInstance> {
  return choose(candidates(key), preferences, merit);
}
