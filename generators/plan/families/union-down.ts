import { archLimits, registerLimit } from "../archs.ts";
import { type Candidate, type Choice, choose, type Preference } from "../choose.ts";
import type { UnionDownKey } from "../names.ts";
import type { UnionDownInstance } from "../types.ts";

const warpChoices = [8, 4] as const;
const columnChoices = [512, 384, 256, 192, 128, 64] as const;
const chunkChoices = [64, 32] as const;
const stageChoices = [4, 3, 2] as const;
const tileColumns = 16;
const registerBudget = 232;
/** See row-gemm: 4.25 TB/s * 2 us / 132. */
const saturatingBytes = 64 * 1024;

/** Dynamic shared memory of a block, bytes: the ring of down rows and activations, and the neuron list. */
export function unionDownSharedBytes(i: UnionDownInstance): number {
  return i.stages * i.chunk * (i.columns + 8 + i.tokens + 8) * 2 + 4096 + 256;
}

/** Estimated registers a thread: the accumulators of its column tiles, and 64 for fragments and addresses. */
export function unionDownRegisters(i: Pick<UnionDownInstance, "columns" | "warps" | "tokens">): number {
  return (i.columns / (tileColumns * i.warps)) * (i.tokens / 8) * 4 + 64;
}

export const unionDownThreads = (i: Pick<UnionDownInstance, "warps">) => 32 * i.warps;

/** Weight bytes that a multiprocessor's one block has in flight, capped where more gain nothing. */
function bytesInFlight(i: UnionDownInstance): number {
  return Math.min((i.stages - 1) * i.chunk * i.columns * 2, saturatingBytes);
}

/** Why blocks of `columns` columns and `warps` warps cannot be, or undefined. */
function columnObjection(key: UnionDownKey, warps: number, columns: number): string | undefined {
  if (key.hidden % columns !== 0) return `Blocks of ${columns} columns do not divide ${key.hidden}.`;
  if (columns % (tileColumns * warps) !== 0) return `${columns} columns are no multiple of ${tileColumns} a warp.`;
  const registers = unionDownRegisters({ ...key, columns, warps });
  const limit = Math.min(registerBudget, registerLimit(unionDownThreads({ warps })));
  return registers > limit ? `A thread needs about ${registers} registers; ${limit} are left.` : undefined;
}

function* candidates(key: UnionDownKey): Generator<Candidate<UnionDownInstance>> {
  const limits = archLimits[key.arch];
  const { family: _family, arch: _arch, ...shape } = key;
  for (const columns of columnChoices) {
    for (const warps of warpChoices) {
      const objection = columnObjection(key, warps, columns);
      if (objection !== undefined) {
        yield { legal: false, parameters: { ...shape, columns, warps }, reason: objection };
        continue;
      }
      for (const chunk of chunkChoices) {
        for (const stages of stageChoices) {
          const instance = { ...key, warps, columns, chunk, stages };
          const bytes = unionDownSharedBytes(instance);
          if (bytes <= limits.sharedBytesPerBlock) {
            yield { legal: true, instance };
          } else {
            const reason = `A block needs ${bytes} bytes of shared memory; ${key.arch} has ${limits.sharedBytesPerBlock}.`;
            yield { legal: false, parameters: { ...shape, columns, warps, chunk, stages }, reason };
          }
        }
      }
    }
  }
}

const preferences: readonly Preference<UnionDownInstance>[] = [
  {
    score: (i) => -Math.abs(i.columns - 256),
    reason: (l, w) => `${l.columns} columns instead of ${w.columns}: 256 read bursts of 512 bytes in enough blocks.`,
  },
  {
    score: bytesInFlight,
    reason: (l, w) =>
      `${bytesInFlight(l)} weight bytes in flight a multiprocessor, the chosen one has ${bytesInFlight(w)}.`,
  },
  {
    score: (i) => i.warps,
    reason: (l, w) => `${l.warps} warps leave each more column tiles than ${w.warps} do.`,
  },
  {
    score: (i) => -i.chunk,
    reason: (l, w) =>
      `Chunks of ${l.chunk} neurons round a block's share up further than ${w.chunk} with as many bytes in flight.`,
  },
  {
    score: (i) => -i.stages,
    reason: (l, w) => `${l.stages} stages: ${w.stages} keep as many bytes in flight with less shared memory.`,
  },
];

export function chooseUnionDown(key: UnionDownKey): Choice<UnionDownInstance> {
  return choose(candidates(key), preferences, (i) => {
    const shared = `${unionDownSharedBytes(i)} of ${archLimits[i.arch].sharedBytesPerBlock} bytes of shared memory`;
    return `${i.columns} columns a block, ${bytesInFlight(i)} weight bytes in flight a multiprocessor: ${shared}.`;
  });
}
