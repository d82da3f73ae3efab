import { archLimits, registerLimit } from "../archs.ts";
import { type Candidate, type Choice, choose, type Preference } from "../choose.ts";
import type { FfnTileKey } from "../names.ts";
import type { FfnTileInstance, Pipe } from "../types.ts";

const pipes: readonly Pipe[] = ["bulk", "async"];
const warpChoices = [8, 4] as const;
const minStages = 2;
const maxStages = 8;
const tileRows = 16;
/** Longer chunks leave room for two stages at most. */
const maxChunk = 2048;
/** Elements by which a row in shared memory is padded, so that the rows of an ldmatrix lie in different banks. */
const padding = 8;
/** Weight bytes in flight that saturate a multiprocessor's share of memory bandwidth: 4.25 TB/s * 2 us / 132. */
const saturatingBytes = 64 * 1024;
/** The warpgroup that sends for rows by bulk copies. */
const producerThreads = 128;
/** Of the 232 that a computing thread has once that warpgroup has given up its own, above which ptxas 13.0 spills. */
const bulkRegisters = 200;

type Ring = Pick<FfnTileInstance, "hidden" | "rows" | "warps" | "chunk">;

const neuronsOf = (i: Pick<FfnTileInstance, "rows">) => tileRows / (i.rows - 1);

/** Dynamic shared memory of a block, bytes: ring, inputs, two tiles' sums, mbarriers, neuron list, routing weights. */
export function ffnTileSharedBytes(i: FfnTileInstance): number {
  const slot = 2 * Math.max(tileRows * (i.chunk + padding), neuronsOf(i) * (i.columns + padding));
  return i.stages * slot + 16 * (i.hidden + padding) + 1024 * i.warps + 16 * i.stages + 4096 + 32 * i.experts + 256;
}

/** Estimated registers of a computing thread: the accumulators of its columns, and 72 for fragments and addresses. */
export function ffnTileRegisters(i: Pick<FfnTileInstance, "hidden" | "warps">): number {
  return i.hidden / (4 * i.warps) + 72;
}

export const ffnTileThreads = (i: Pick<FfnTileInstance, "warps" | "pipe">) =>
  32 * i.warps + (i.pipe === "bulk" ? producerThreads : 0);

/** Weight bytes that a multiprocessor's one block has in flight, capped where more gain nothing. */
function bytesInFlight(i: FfnTileInstance): number {
  return Math.min((i.stages - 1) * tileRows * i.chunk * 2, saturatingBytes);
}

/** Parts of a row of at most `longest` elements that the warps share in whole mma steps, the longest first. */
function partsOf(hidden: number, warps: number, longest: number): number[] {
  const unit = tileRows * warps;
  return Array.from({ length: Math.floor(longest / unit) }, (_, i) => unit * (i + 1))
    .filter((part) => hidden % part === 0)
    .reverse();
}

/** The longest part of a down row that fits a slot made for `chunk` elements of the tile's gate and up rows. */
function columnsFor({ hidden, rows, warps, chunk }: Ring): number {
  return Math.max(...partsOf(hidden, warps, (rows - 1) * chunk));
}

/** The deepest ring that fits, and the next deeper one, which does not: a shallower one gains nothing. */
function* ringCandidates(
  key: FfnTileKey,
  tile: Pick<FfnTileInstance, "warps" | "chunk" | "columns" | "pipe">,
): Generator<Candidate<FfnTileInstance>> {
  const { family: _family, arch, ...shape } = key;
  const limit = archLimits[arch].sharedBytesPerBlock;
  const bytesOf = (stages: number) => ffnTileSharedBytes({ ...key, ...tile, stages });
  let stages = minStages - 1;
  while (stages < maxStages && bytesOf(stages + 1) <= limit) stages++;
  if (stages < maxStages) {
    const reason = `A ring of ${stages + 1} stages takes a block to ${bytesOf(stages + 1)} bytes of shared memory; ${arch} has ${limit}.`;
    yield { legal: false, parameters: { ...shape, ...tile, stages: stages + 1 }, reason };
  }
  if (stages >= minStages) yield { legal: true, instance: { ...key, ...tile, stages } };
}

/** Why `warps` warps cannot share the columns, or undefined. */
function warpObjection(key: FfnTileKey, warps: number, pipe: Pipe): string | undefined {
  const registers = ffnTileRegisters({ ...key, warps });
  const limit = pipe === "bulk" ? bulkRegisters : registerLimit(ffnTileThreads({ warps, pipe }));
  return registers > limit ? `A thread needs about ${registers} registers; ${limit} are left.` : undefined;
}

function* candidates(key: FfnTileKey): Generator<Candidate<FfnTileInstance>> {
  const { family: _family, arch, ...shape } = key;
  for (const pipe of pipes) {
    if (!archLimits[arch].pipes.includes(pipe)) {
      const reason = "The bulk-copy ring is built for sm_90a only.";
      yield { legal: false, parameters: { ...shape, pipe }, reason };
      continue;
    }
    for (const warps of warpChoices) {
      const chunks = partsOf(key.hidden, warps, maxChunk);
      const objection =
        chunks.length === 0
          ? `No multiple of ${tileRows * warps} elements, ${tileRows} a warp, divides rows of ${key.hidden}.`
          : warpObjection(key, warps, pipe);
      if (objection !== undefined) {
        yield { legal: false, parameters: { ...shape, warps, pipe }, reason: objection };
        continue;
      }
      for (const chunk of chunks) {
        yield* ringCandidates(key, { warps, chunk, columns: columnsFor({ ...key, warps, chunk }), pipe });
      }
    }
  }
}

const preferences: readonly Preference<FfnTileInstance>[] = [
  {
    score: (i) => -archLimits[i.arch].pipes.indexOf(i.pipe),
    reason: () => "Bulk copies leave the computing warps to compute; cp.async takes instructions of every thread.",
  },
  {
    score: (i) => i.warps,
    reason: (l, w) => `${l.warps} warps leave each more of a tile than ${w.warps} do.`,
  },
  {
    score: bytesInFlight,
    reason: (l, w) =>
      `${bytesInFlight(l)} weight bytes in flight a multiprocessor, the chosen one has ${bytesInFlight(w)}.`,
  },
  {
    score: (i) => -Math.abs(i.chunk - 1024),
    reason: (l, w) =>
      `Chunks of ${l.chunk} elements instead of ${w.chunk}: near 1024 copies are few and the ring still has stages.`,
  },
];

function merit(i: FfnTileInstance): string {
  const shared = `${ffnTileSharedBytes(i)} of ${archLimits[i.arch].sharedBytesPerBlock} bytes of shared memory`;
  return `Tiles of ${neuronsOf(i)} neurons, ${i.stages} stages in flight through ${i.pipe} copies: ${shared}.`;
}

export function chooseFfnTile(key: FfnTileKey): Choice<FfnTileInstance> {
  return choose(candidates(key), preferences, merit);
}
