import { archLimits, registerLimit, residentBlocks } from "../archs.ts";
import { type Candidate, type Choice, choose, type Preference } from "../choose.ts";
import type { RowGemmKey } from "../names.ts";
import type { RowGemmInstance } from "../types.ts";

const warpChoices = [8, 4] as const;
const rowTileChoices = [2, 1] as const;
const chunkChoices = [128, 64, 32] as const;
const stageChoices = [4, 3, 2] as const;
const tileRows = 16;
/** Leaves a thread 23 registers for addresses that the estimate does not count. */
const registerBudget = 232;
/** Weight bytes in flight that saturate a multiprocessor's share of memory bandwidth: 4.25 TB/s * 2 us / 132. */
const saturatingBytes = 64 * 1024;
/** Elements of one cache line, 128 bytes. */
const wholeLine = 64;
/** Rounds of double tiles a multiprocessor must get before their uneven end costs less than they save. */
const roundsForDoubleTiles = 2;

/** Weight rows that one row of the result takes: gate and up together, or one. */
const rowsPerResult = (i: Pick<RowGemmInstance, "role">) => (i.role === "gate_up" ? 2 : 1);

/** Dynamic shared memory of a block, bytes: each warp's ring or the sums across warps, routing weights, neuron list. */
export function rowGemmSharedBytes(i: RowGemmInstance): number {
  const rows = tileRows * i.rowTiles * rowsPerResult(i);
  const ring = i.warps * i.stages * (rows + i.tokens) * (i.chunk + 8) * 2;
  const sums = i.warps * rows * i.tokens * 4;
  return Math.max(ring, sums) + 4 * i.tokens * i.experts + 4096 + 256;
}

/** Estimated registers a thread: the accumulators of its tiles, and 64 for fragments and addresses. */
export function rowGemmRegisters(i: Pick<RowGemmInstance, "role" | "rowTiles" | "tokens">): number {
  return rowsPerResult(i) * i.rowTiles * (i.tokens / 8) * 4 + 64;
}

export const rowGemmThreads = (i: Pick<RowGemmInstance, "warps">) => 32 * i.warps;

/** Weight bytes that the resident blocks of a multiprocessor have in flight, capped where more gain nothing. */
function bytesInFlight(i: RowGemmInstance): number {
  const block = { sharedBytes: rowGemmSharedBytes(i), threads: rowGemmThreads(i), registers: rowGemmRegisters(i) };
  const stage = tileRows * i.rowTiles * rowsPerResult(i) * i.chunk * 2;
  return Math.min(residentBlocks(archLimits[i.arch], block) * i.warps * (i.stages - 1) * stage, saturatingBytes);
}

function* candidates(key: RowGemmKey): Generator<Candidate<RowGemmInstance>> {
  const limits = archLimits[key.arch];
  const { family: _family, arch: _arch, ...shape } = key;
  for (const rowTiles of rowTileChoices) {
    for (const warps of warpChoices) {
      const registers = rowGemmRegisters({ ...key, rowTiles });
      const limit = Math.min(registerBudget, registerLimit(rowGemmThreads({ warps })));
      if (registers > limit) {
        const reason = `A thread needs about ${registers} registers; ${limit} are left.`;
        yield { legal: false, parameters: { ...shape, rowTiles, warps }, reason };
        continue;
      }
      for (const chunk of chunkChoices) {
        if (key.depth % chunk !== 0 || (key.role === "select" && chunk > 64)) {
          const multiple = key.role === "select" ? "ranks are multiples of 64" : `${key.depth} is no multiple of it`;
          const reason = `Rows cannot be read in chunks of ${chunk} elements: ${multiple}.`;
          yield { legal: false, parameters: { ...shape, rowTiles, warps, chunk }, reason };
          continue;
        }
        for (const stages of stageChoices) {
          const instance = { ...key, rowTiles, warps, chunk, stages };
          const bytes = rowGemmSharedBytes(instance);
          if (bytes <= limits.sharedBytesPerBlock) {
            yield { legal: true, instance };
          } else {
            const reason = `A block needs ${bytes} bytes of shared memory; ${key.arch} has ${limits.sharedBytesPerBlock}.`;
            yield { legal: false, parameters: { ...shape, rowTiles, warps, chunk, stages }, reason };
          }
        }
      }
    }
  }
}

/** Row tiles to hold at once when `rows` results are expected. */
function wantedRowTiles(key: RowGemmKey, rows: number): 1 | 2 {
  const rounds = rows / (2 * tileRows) / archLimits[key.arch].multiprocessors;
  return rounds >= roundsForDoubleTiles ? 2 : 1;
}

function preferencesFor(key: RowGemmKey, rows: number): readonly Preference<RowGemmInstance>[] {
  const wanted = wantedRowTiles(key, rows);
  const expected = `about ${Math.round(rows)} expected rows`;
  return [
    {
      score: (i) => (i.rowTiles === wanted ? 1 : 0),
      reason: () =>
        wanted === 2
          ? `With ${expected}, tiles of 32 rows keep every multiprocessor busy and read the activations half as often.`
          : `With ${expected}, tiles of 16 rows spread over more multiprocessors.`,
    },
    {
      score: (i) => (i.chunk >= wholeLine ? 1 : 0),
      reason: (l) => `Chunks of ${l.chunk} elements read half of a 128-byte cache line at a time.`,
    },
    {
      score: bytesInFlight,
      reason: (l, w) =>
        `${bytesInFlight(l)} weight bytes in flight a multiprocessor, the chosen one has ${bytesInFlight(w)}.`,
    },
    {
      score: (i) => i.chunk,
      reason: (l, w) =>
        `Chunks of ${l.chunk} elements make shorter bursts than ${w.chunk} with as many bytes in flight.`,
    },
    {
      score: (i) => -i.stages,
      reason: (l, w) => `${l.stages} stages: ${w.stages} keep as many bytes in flight with less shared memory.`,
    },
    {
      score: (i) => i.warps,
      reason: (l, w) => `${l.warps} warps split a row less finely than ${w.warps}, which end it sooner.`,
    },
  ];
}

/** `rows` is the number of result rows that one call is expected to compute. */
export function chooseRowGemm(key: RowGemmKey, rows: number): Choice<RowGemmInstance> {
  return choose(candidates(key), preferencesFor(key, rows), (i) => {
    const tiles = `Tiles of ${tileRows * i.rowTiles} rows for about ${Math.round(rows)} expected`;
    const shared = `${rowGemmSharedBytes(i)} of ${archLimits[i.arch].sharedBytesPerBlock} bytes of shared memory`;
    return `${tiles}, ${bytesInFlight(i)} weight bytes in flight a multiprocessor: ${shared}.`;
  });
}
