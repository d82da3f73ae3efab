import { archLimits } from "../archs.ts";
import type { Candidate, Preference } from "../choose.ts";
import type { RowGemmKey } from "../names.ts";
import type { RowGemmInstance } from "../types.ts";
import { tileRows } from "./mma.ts";

/** Tokens of the kernels whose warps copy for themselves: the fewest that there are kernels for. */
const directTokens = 8;
/** Warps of a block, which in fc1 share rows and in select have rows of their own. */
const warpChoices = { fc1: [16, 8], select: [8, 7, 6, 5, 4] } as const;
/** Bytes of a row in a slot, and slots of a warp: the more, the more is on its way at once. */
const chunkByteChoices = [512, 256, 128] as const;
const slotChoices = [2, 1] as const;
/** Bytes after a row's chunk and after a token, so that what is read together lies in different banks. */
const rowPadding = 16;
const tokenPadding = 64;

type DirectKey = RowGemmKey & { readonly role: keyof typeof warpChoices };

/** Whether warps copy what they multiply, instead of producers. */
export const isDirect = (i: Pick<RowGemmInstance, "producers">): boolean => i.producers === 0;

/** Whether the key's calls may be served so: the predictor's, of few tokens. */
export const servedDirectly = (key: RowGemmKey): key is DirectKey =>
  key.tokens === directTokens && (key.role === "fc1" || key.role === "select");

/** A slot of every warp, bytes. */
const slotBytes = (i: Pick<RowGemmInstance, "warps" | "chunk" | "weightBits">): number =>
  i.warps * tileRows * ((i.chunk * i.weightBits) / 8 + rowPadding);

export const directSlots = (i: RowGemmInstance): number => Math.floor(i.ringBytes / slotBytes(i));

/** Dynamic shared memory of a block, bytes, of a call of all tokens and the longest rows; others take less. */
export const directSharedBytes = (i: RowGemmInstance): number => i.ringBytes + i.tokens * (2 * i.depth + tokenPadding);

/** Static shared memory of a block, at most, bytes: sums of fc1's warps, the routing and what int8 needs of tokens. */
const scratchBytes = (i: Pick<RowGemmInstance, "role" | "warps" | "experts" | "tokens">): number =>
  (i.role === "fc1" ? 512 * i.warps : 0) + 16 * i.experts + 8 * i.tokens + 64;

function candidateOf(key: DirectKey, warps: number, chunkBytes: number, slots: number): Candidate<RowGemmInstance> {
  const tile = {
    ...key,
    tiles: 1,
    warps,
    producers: 0,
    chunk: (chunkBytes * 8) / key.weightBits,
    matrixOp: "mma",
    cluster: 1,
  } as const;
  const instance = { ...tile, ringBytes: slots * slotBytes(tile) };
  const needed = directSharedBytes(instance) + scratchBytes(instance);
  const limit = archLimits[key.arch].sharedBytesPerBlock;
  if (needed <= limit) return { legal: true, instance };
  const { family: _family, arch, ...parameters } = instance;
  return { legal: false, parameters, reason: `A block needs ${needed} bytes of shared memory; ${arch} has ${limit}.` };
}

export function* directCandidates(key: DirectKey): Generator<Candidate<RowGemmInstance>> {
  for (const warps of warpChoices[key.role]) {
    for (const chunkBytes of chunkByteChoices) {
      for (const slots of slotChoices) yield candidateOf(key, warps, chunkBytes, slots);
    }
  }
}

/** `share`: rows of a multiprocessor that a call is expected to compute. Of other kernels all are as good. */
export function directPreferences(share: number): readonly Preference<RowGemmInstance>[] {
  const tiles = share / tileRows;
  /** Warps without a tile in the last round. */
  const idle = ({ warps }: RowGemmInstance) => Math.ceil(tiles / warps) * warps - tiles;
  const perWarp = (i: RowGemmInstance) => directSlots(i) * i.chunk * i.weightBits;
  // Warps of fc1 share the rows, those of select have more of them.
  const bytesOnTheirWay = (i: RowGemmInstance) => perWarp(i) * (i.role === "fc1" ? i.warps : 1);
  const ofDirect = (score: (i: RowGemmInstance) => number) => (i: RowGemmInstance) => (isDirect(i) ? score(i) : 0);
  return [
    {
      score: (i) => (isDirect(i) ? 1 : 0),
      reason: () => "Warps that copy for themselves send for their first bytes sooner than producers do.",
    },
    {
      score: ofDirect(bytesOnTheirWay),
      reason: (l, w) =>
        `${directSlots(l)} slots of ${l.chunk} elements hold less than ${directSlots(w)} of ${w.chunk}.`,
    },
    {
      score: ofDirect((i) => (i.role === "fc1" ? i.warps : -idle(i))),
      reason: (l, w) =>
        w.role === "fc1"
          ? `${w.warps} warps leave each a shorter part of the rows than ${l.warps} do.`
          : `Of about ${Math.round(tiles)} tiles a multiprocessor ${w.warps} warps leave fewer of them idle than ${l.warps}.`,
    },
  ];
}
