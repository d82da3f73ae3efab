import { archLimits, registerLimit } from "../archs.ts";
import { type Candidate, type Choice, choose, type Preference } from "../choose.ts";
import type { RowGemmKey } from "../names.ts";
import type { MatrixOp, RowGemmInstance } from "../types.ts";
import { accumulators, matrixOpFor, tileRows, warpgroupRows } from "./mma.ts";
import {
  directCandidates,
  directPreferences,
  directSharedBytes,
  directSlots,
  isDirect,
  servedDirectly,
} from "./row-gemm-direct.ts";

const warpChoices = [8, 4] as const;
const tileChoices = [2, 1] as const;
const blockChoices = [2, 1] as const;
/** Of blocks that share the row length: two warpgroups multiply halves of the same tile. */
const clusterWarps = [8] as const;
const clusterTiles = [1] as const;
/** With fewer tokens than these the blocks' exchange takes longer than reading all of them. */
const leastClusterTokens = 32;
const producers = 4;
const chunk = 512;
/** Bytes of a row, in either width, below which the kernel does not halve its chunk. */
const minChunkBytes = 128;
const depthMultiple = 64;
const ringUnit = 1024;
const minSlots = 2;
/** Slots for which the kernel halves its chunk, and the most that it makes. */
const wantedSlots = 3;
const maxSlots = 32;
/**
 * Bytes after a row and a token's chunk in a slot, so that what is read together lies in different banks; wgmma's are
 * swizzled instead.
 */
const rowPadding = 16;
/** Of int8 rows' tokens; those of others have less. */
const tokenPadding = 32;
/** Neurons that a block lists. */
const listCapacity = 1024;
/** What the driver keeps of a multiprocessor's shared memory for each resident block, bytes. */
const reservedSharedBytes = 1024;
/** Tokens up to which fc1 and select leave room for each other. */
const maxSharingTokens = 16;

/** All but the ring's size, which follows. */
type Tile = Omit<RowGemmInstance, "ringBytes">;

/** Weight rows that one row of the result takes: gate and up together, or one. */
const rowsPerResult = (i: Pick<RowGemmInstance, "role">) => (i.role === "gate_up" ? 2 : 1);

export const rowGemmThreads = (i: Pick<RowGemmInstance, "warps" | "producers">) => 32 * (i.warps + i.producers);

/**
 * Estimated registers a thread: its sums, one step's operands of both sides, and 64 for addresses and more operands. A
 * second tile of int8 rows is widened while the first one's products are still under way.
 */
export function rowGemmRegisters(i: Pick<RowGemmInstance, "tiles" | "tokens" | "weightBits">): number {
  const widened = i.weightBits === 8 ? ((i.tiles - 1) * i.tokens) / 2 : 0;
  return accumulators(i.tiles, i.tokens) + 4 * i.tiles + i.tokens / 4 + widened + 64;
}

/** Shared memory beside the ring, bytes: sums, the neuron list with routing weights or token sets, mbarriers. */
function sharedBytesBesideRing(i: Tile): number {
  const gathers = i.role === "gate_up" || i.role === "up";
  const lists = gathers
    ? 4 * (listCapacity + rowGemmThreads(i)) + 4 * i.tokens * i.experts
    : 16 * i.experts + 4 * i.tokens;
  return 64 * i.warps * i.tokens + lists + 1024;
}

/** Dynamic shared memory of a block, bytes. */
export const rowGemmSharedBytes = (i: RowGemmInstance): number =>
  isDirect(i) ? directSharedBytes(i) : i.ringBytes + sharedBytesBesideRing(i);

/** Weight rows of a full pass: a cluster's is one tile of a warpgroup. */
const passRows = (i: Tile): number => (i.cluster > 1 ? warpgroupRows : tileRows * i.warps * i.tiles);

/** A slot of the rows of a full pass and of all tokens, bytes. */
function slotBytes(i: Tile, chunkBytes: number): number {
  const elements = chunkBytes / (i.weightBits / 8);
  const [ofRow, ofToken] = i.matrixOp === "wgmma" ? [0, 0] : [rowPadding, tokenPadding];
  return passRows(i) * (chunkBytes + ofRow) + i.tokens * (2 * elements + ofToken);
}

/** Slots that the kernel makes of the ring in a full pass: it halves the chunk until enough of them fit. */
export function rowGemmSlots(i: RowGemmInstance): number {
  if (isDirect(i)) return directSlots(i);
  let chunkBytes = (i.chunk * i.weightBits) / 8;
  while (chunkBytes > minChunkBytes && wantedSlots * slotBytes(i, chunkBytes) > i.ringBytes) chunkBytes /= 2;
  return Math.min(maxSlots, Math.floor(i.ringBytes / slotBytes(i, chunkBytes)));
}

/** Shared memory that one of `blocks` resident blocks may have, bytes. */
function sharedBytesLimit({ arch, blocks }: Pick<RowGemmInstance, "arch" | "blocks">): number {
  const { sharedBytesPerBlock, sharedBytesPerSm } = archLimits[arch];
  return Math.min(sharedBytesPerBlock, sharedBytesPerSm / blocks - reservedSharedBytes);
}

/** The instance with the largest ring that fits. */
function withRing(tile: Tile): Candidate<RowGemmInstance> {
  const { family: _family, arch, ...parameters } = tile;
  const limit = sharedBytesLimit(tile);
  const ringBytes = Math.floor((limit - sharedBytesBesideRing(tile)) / ringUnit) * ringUnit;
  const least = minSlots * slotBytes(tile, minChunkBytes);
  if (ringBytes >= least) return { legal: true, instance: { ...tile, ringBytes } };
  const reason = `A block needs ${sharedBytesBesideRing(tile) + least} bytes of shared memory; ${arch} has ${limit} for each of ${tile.blocks}.`;
  return { legal: false, parameters, reason };
}

function candidateOf(tile: Tile): Candidate<RowGemmInstance> {
  const { family: _family, arch: _arch, ...parameters } = tile;
  const registers = rowGemmRegisters(tile);
  const limit = registerLimit(tile.blocks * rowGemmThreads(tile));
  if (registers <= limit) return withRing(tile);
  const reason = `A thread needs about ${registers} registers; ${tile.blocks} blocks a multiprocessor leave ${limit}.`;
  return { legal: false, parameters, reason };
}

/** fc1 gains where a cluster shares its row length, but experts together have rows enough for all blocks. */
function rowGemmMatrixOp({ role, arch, tokens, experts, weightBits }: RowGemmKey): MatrixOp {
  const unshared = experts > 1 || tokens < leastClusterTokens;
  return role === "fc1" && unshared ? "mma" : matrixOpFor(arch, tokens, weightBits);
}

function* candidates(key: RowGemmKey): Generator<Candidate<RowGemmInstance>> {
  const { family: _family, arch: _arch, ...shape } = key;
  if (key.depth % depthMultiple !== 0) {
    const reason = `Rows of ${key.depth} elements are no multiple of ${depthMultiple}.`;
    yield { legal: false, parameters: { ...shape, producers, chunk }, reason };
    return;
  }
  if (servedDirectly(key)) yield* directCandidates(key);
  const matrixOp = rowGemmMatrixOp(key);
  // A block of fc1 with rows of its own has few of them, and yet reads all tokens.
  const cluster = key.role === "fc1" && matrixOp === "wgmma" ? 4 : 1;
  for (const warps of cluster > 1 ? clusterWarps : warpChoices) {
    for (const tiles of cluster > 1 ? clusterTiles : tileChoices) {
      for (const blocks of blockChoices) {
        yield candidateOf({ ...key, tiles, warps, producers, chunk, blocks, matrixOp, cluster });
      }
    }
  }
}

/** Weight rows of one multiprocessor's block when `rows` results are expected. */
const expectedShare = (key: RowGemmKey, rows: number): number =>
  (rows * rowsPerResult(key)) / archLimits[key.arch].multiprocessors;

/**
 * The predictor's kernels follow each other: select's weights stream in while fc1 still runs if both fit. Those of a
 * mixture, whose rows depend on the routing, wait anyway.
 */
const wantedBlocks = ({ role, tokens, experts }: RowGemmKey): 1 | 2 =>
  (role === "fc1" || role === "select") && experts === 1 && tokens <= maxSharingTokens ? 2 : 1;

function preferencesFor(key: RowGemmKey, rows: number): readonly Preference<RowGemmInstance>[] {
  const share = expectedShare(key, rows);
  const blocks = wantedBlocks(key);
  const wantedTiles = (i: RowGemmInstance) => (share > tileRows * i.warps ? 2 : 1);
  const expected = `about ${Math.round(share)} expected weight rows a block`;
  return [
    ...directPreferences(share),
    {
      score: (i) => i.warps,
      reason: (l, w) => `${l.warps} warps leave each more of a pass than ${w.warps} do.`,
    },
    {
      score: (i) => (i.tiles === wantedTiles(i) ? 1 : 0),
      reason: (l, w) =>
        w.tiles === 2
          ? `With ${expected}, ${l.tiles} tile a warp takes more passes, and each reads all tokens.`
          : `With ${expected}, ${l.tiles} tiles a warp would leave warps without any.`,
    },
    {
      score: (i) => (i.blocks === blocks ? 1 : 0),
      reason: () =>
        blocks === 2
          ? "The predictor's other kernel could not start beside a block with all of a multiprocessor."
          : "Half of a multiprocessor's shared memory makes a shorter ring, and nothing runs in the other half.",
    },
  ];
}

/** `rows` is the number of result rows that one call is expected to compute. */
export function chooseRowGemm(key: RowGemmKey, rows: number): Choice<RowGemmInstance> {
  return choose(candidates(key), preferencesFor(key, rows), (i) => {
    if (isDirect(i)) return `${i.warps} warps with ${directSlots(i)} slots of ${i.chunk} elements of 16 rows each.`;
    const pass = `Passes of ${passRows(i)} weight rows for about ${Math.round(expectedShare(key, rows))} a block`;
    return `${pass}, a ring of ${rowGemmSlots(i)} slots of a full one: ${rowGemmSharedBytes(i)} of ${sharedBytesLimit(i)} bytes of shared memory.`;
  });
}
