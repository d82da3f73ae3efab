import { archLimits, registerLimit } from "../archs.ts";
import { type Candidate, type Choice, choose, type Preference } from "../choose.ts";
import type { UnionDownKey } from "../names.ts";
import type { UnionDownInstance } from "../types.ts";
import { accumulators, matrixOpFor, tileRows } from "./mma.ts";

const warps = 8;
/** Four take a third longer. */
const producers = 8;
const columnChoices = [256, 128] as const;
const chunkChoices = [64, 32] as const;
/** Bytes after a row in a slot, so that what is read together lies in different banks; wgmma's are swizzled instead. */
const rowPadding = 16;
const minStages = 2;
const maxStages = 8;
/** Two stages on their way while one is worked on. */
const wantedStages = 3;
/** Neurons that the producers list at a time. */
const listCapacity = 512;

export const unionDownThreads = (i: Pick<UnionDownInstance, "warps" | "producers">) => 32 * (i.warps + i.producers);

/** Dynamic shared memory of a block, bytes: the ring of down rows and activations, its mbarriers, the neuron list. */
export function unionDownSharedBytes(i: UnionDownInstance): number {
  const rowBytes = 2 * i.columns + (i.matrixOp === "wgmma" ? 0 : rowPadding);
  const ring = i.stages * (i.chunk * (rowBytes + 2 * i.tokens) + 16);
  return ring + 4 * (listCapacity + unionDownThreads(i)) + 256;
}

/** Estimated registers a thread: its sums, and 64 for operands and addresses, as ptxas 13.0 gets by with. */
export const unionDownRegisters = (i: Pick<UnionDownInstance, "columns" | "warps" | "tokens">): number =>
  accumulators(i.columns / (tileRows * i.warps), i.tokens) + 64;

/** Why blocks of `columns` columns cannot be, or undefined. */
function columnObjection(key: UnionDownKey, columns: number): string | undefined {
  if (key.hidden % columns !== 0) return `Blocks of ${columns} columns do not divide ${key.hidden}.`;
  const registers = unionDownRegisters({ ...key, columns, warps });
  const limit = registerLimit(unionDownThreads({ warps, producers }));
  return registers > limit ? `A thread needs about ${registers} registers; ${limit} are left.` : undefined;
}

/** The deepest ring that fits, and the next deeper one, which does not: a shallower one gains nothing. */
function* ringCandidates(
  key: UnionDownKey,
  tile: Pick<UnionDownInstance, "warps" | "producers" | "columns" | "chunk" | "matrixOp">,
): Generator<Candidate<UnionDownInstance>> {
  const { family: _family, arch, ...shape } = key;
  const limit = archLimits[arch].sharedBytesPerBlock;
  const bytesOf = (stages: number) => unionDownSharedBytes({ ...key, ...tile, stages });
  let stages = minStages - 1;
  while (stages < maxStages && bytesOf(stages + 1) <= limit) stages++;
  if (stages < maxStages) {
    const reason = `A ring of ${stages + 1} stages takes a block to ${bytesOf(stages + 1)} bytes of shared memory; ${arch} has ${limit}.`;
    yield { legal: false, parameters: { ...shape, ...tile, stages: stages + 1 }, reason };
  }
  if (stages >= minStages) yield { legal: true, instance: { ...key, ...tile, stages } };
}

function* candidates(key: UnionDownKey): Generator<Candidate<UnionDownInstance>> {
  const { family: _family, arch: _arch, ...shape } = key;
  const matrixOp = matrixOpFor(key.arch, key.tokens);
  for (const columns of columnChoices) {
    const reason = columnObjection(key, columns);
    if (reason !== undefined) {
      yield { legal: false, parameters: { ...shape, warps, producers, columns }, reason };
      continue;
    }
    for (const chunk of chunkChoices) yield* ringCandidates(key, { warps, producers, columns, chunk, matrixOp });
  }
}

const preferences: readonly Preference<UnionDownInstance>[] = [
  {
    score: (i) => i.columns,
    reason: (l, w) => `${l.columns} columns make bursts of ${2 * l.columns} bytes, shorter than ${2 * w.columns}.`,
  },
  {
    score: (i) => Math.min(i.stages, wantedStages),
    reason: (l, w) => `${l.stages} stages of ${l.chunk} neurons wait for each other; ${w.stages} of ${w.chunk} do not.`,
  },
  {
    score: (i) => i.chunk,
    reason: (l, w) => `Chunks of ${l.chunk} neurons hand over slots more often than those of ${w.chunk}.`,
  },
];

export function chooseUnionDown(key: UnionDownKey): Choice<UnionDownInstance> {
  return choose(candidates(key), preferences, (i) => {
    const shared = `${unionDownSharedBytes(i)} of ${archLimits[i.arch].sharedBytesPerBlock} bytes of shared memory`;
    return `${i.columns} columns a block, ${i.stages} stages of ${i.chunk} neurons: ${shared}.`;
  });
}
