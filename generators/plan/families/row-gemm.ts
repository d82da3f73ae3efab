import { archLimits, registerLimit } from "../archs.ts";
import { type Candidate, type Choice, choose, type Preference } from "../choose.ts";
import type { RowGemmKey } from "../names.ts";
import type { MatrixOp, RowGemmInstance, RowGemmRole } from "../types.ts";
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
/** Of blocks that share the row length: two warpgroups multiply halves of the same tile. */
const clusterWarps = [8] as const;
const clusterTiles = [1] as const;
/** With fewer tokens than these the blocks' exchange takes longer than reading all of them. */
const leastClusterTokens = 32;
const producerChoices = [8, 4] as const;
const chunk = 512;
/**
 * Tokens from which they take so much of a slot that they are read to registers instead. All products then have 64, which
 * select's shorter rows do not hide for fewer.
 */
const leastRegisterTokens: Partial<Record<RowGemmRole, number>> = { gate_up: 32, select: 64 };
/** One warpgroup has the sums of the largest wgmma, which leaves few registers for producers. */
const registerTile = { tiles: 4, warps: 4, producers: 4 } as const;
/** Of a mixture's tokens, up to which there is no smaller tile for those that go to one expert. */
const mostUnrouted = 8;
/** Bytes of a row, in either width, below which the kernel does not halve its chunk. */
const minChunkBytes = 128;
const depthMultiple = 64;
const ringUnit = 1024;
const minSlots = 2;
/** Slots for which the kernel halves its chunk, and the most that it makes. */
const wantedSlots = 3;
const maxSlots = 32;
/** Elements of a row whose tokens a warpgroup has in registers at once. The rows of `select` may be shorter than `depth`. */
const registerColumns = ({ role, depth }: Pick<RowGemmKey, "role" | "depth">): number =>
  role === "gate_up" && depth % 128 === 0 ? 128 : 64;
/** Bytes behind the ring that wgmma reads to complete a tile of 64 rows, in panels of 128 bytes a row. */
const readBehindRing = (warpgroupRows - tileRows) * 128;
/**
 * Bytes after a row and a token's chunk in a slot, so that what is read together lies in different banks; what wgmma
 * reads itself, all but int8 rows, is swizzled instead.
 */
const rowPadding = 16;
/** Of int8 rows' tokens; those of others have less. */
const tokenPadding = 32;
/** Neurons that a block lists. */
const listCapacity = 1024;

/** All but the ring's size, which follows. */
type Tile = Omit<RowGemmInstance, "ringBytes">;

/** Weight rows that one row of the result takes: gate and up together, or one. */
const rowsPerResult = (i: Pick<RowGemmInstance, "role">) => (i.role === "gate_up" ? 2 : 1);

export const rowGemmThreads = (i: Pick<RowGemmInstance, "warps" | "producers">) => 32 * (i.warps + i.producers);

/**
 * Estimated registers a thread: its sums, of mma one step's operands of both sides, and 64 for addresses and more
 * operands. A second tile of int8 rows is widened while the first one's products are still under way. Of wgmma a
 * selection has token sets of two rows, and a cluster adds up what its blocks have.
 */
export function rowGemmRegisters(
  i: Pick<RowGemmInstance, "role" | "depth" | "tiles" | "tokens" | "weightBits" | "matrixOp" | "cluster">,
): number {
  if (i.matrixOp === "wgmma_rs") return accumulators(i.tiles, warpgroupRows) + registerColumns(i) / 2 + 40;
  const fixed = accumulators(i.tiles, i.tokens) + 64;
  if (i.matrixOp === "wgmma") return fixed + (i.cluster > 1 ? i.tokens : 0) + (i.role === "select" ? i.tokens / 4 : 0);
  const widened = i.weightBits === 8 ? ((i.tiles - 1) * i.tokens) / 2 : 0;
  return fixed + 4 * i.tiles + i.tokens / 4 + widened;
}

/** Rows of the result of a full pass. */
const passResults = (i: Tile): number => passRows(i) / rowsPerResult(i);

/**
 * Shared memory beside the ring, bytes: sums, each expert's tokens, the neuron list with routing weights or norms,
 * mbarriers. Where tokens are in registers there are no sums, but token sets of a pass.
 */
function sharedBytesBesideRing(i: Tile): number {
  const gathers = i.role === "gate_up" || i.role === "up";
  const tokenLists = i.experts === 1 || i.tokens <= mostUnrouted ? 0 : gathers ? 1 : i.experts;
  const routing = 16 * i.experts + tokenLists * i.tokens;
  const lists = routing + (gathers ? 4 * (listCapacity + rowGemmThreads(i)) + 4 * i.tokens * i.experts : 4 * i.tokens);
  if (i.matrixOp === "wgmma_rs") return Math.max(readBehindRing, lists + 8 * passResults(i) + 1024);
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
  if (i.matrixOp === "wgmma_rs") return passRows(i) * chunkBytes;
  if (i.matrixOp === "mma") return passRows(i) * (chunkBytes + rowPadding) + i.tokens * (2 * elements + tokenPadding);
  const ofRows = passRows(i) * (chunkBytes + (i.weightBits === 8 ? rowPadding : 0));
  return Math.ceil(ofRows / ringUnit) * ringUnit + i.tokens * 2 * elements;
}

const leastChunkBytes = (i: Tile): number => (i.matrixOp === "wgmma_rs" ? 2 * registerColumns(i) : minChunkBytes);

/** Slots that the kernel makes of the ring in a full pass: it halves the chunk until enough of them fit. */
export function rowGemmSlots(i: RowGemmInstance): number {
  if (isDirect(i)) return directSlots(i);
  let chunkBytes = (i.chunk * i.weightBits) / 8;
  while (chunkBytes > leastChunkBytes(i) && wantedSlots * slotBytes(i, chunkBytes) > i.ringBytes) chunkBytes /= 2;
  return Math.min(maxSlots, Math.floor(i.ringBytes / slotBytes(i, chunkBytes)));
}

/** The instance with the largest ring that fits. */
function withRing(tile: Tile): Candidate<RowGemmInstance> {
  const { family: _family, arch, ...parameters } = tile;
  const limit = archLimits[arch].sharedBytesPerBlock;
  const ringBytes = Math.floor((limit - sharedBytesBesideRing(tile)) / ringUnit) * ringUnit;
  const least = minSlots * slotBytes(tile, leastChunkBytes(tile));
  if (ringBytes >= least) return { legal: true, instance: { ...tile, ringBytes } };
  const reason = `A block needs ${sharedBytesBesideRing(tile) + least} bytes of shared memory; ${arch} has ${limit}.`;
  return { legal: false, parameters, reason };
}

function candidateOf(tile: Tile): Candidate<RowGemmInstance> {
  const { family: _family, arch: _arch, ...parameters } = tile;
  const registers = rowGemmRegisters(tile);
  const limit = registerLimit(rowGemmThreads(tile));
  if (registers <= limit) return withRing(tile);
  return { legal: false, parameters, reason: `A thread needs about ${registers} registers; ${limit} are left.` };
}

/** A mixture's expert has too few of the tokens, and int8 rows have to come through registers themselves. */
const readsTokensToRegisters = ({ role, weightBits, tokens, experts }: RowGemmKey): boolean =>
  weightBits === 16 && experts === 1 && tokens >= (leastRegisterTokens[role] ?? Infinity);

/** fc1 gains where a cluster shares its row length, but experts together have rows enough for all blocks. */
function rowGemmMatrixOp({ role, arch, tokens, experts }: RowGemmKey): MatrixOp {
  const unshared = experts > 1 || tokens < leastClusterTokens;
  return role === "fc1" && unshared ? "mma" : matrixOpFor(arch, tokens);
}

function* candidates(key: RowGemmKey): Generator<Candidate<RowGemmInstance>> {
  const { family: _family, arch: _arch, ...shape } = key;
  if (key.depth % depthMultiple !== 0) {
    const reason = `Rows of ${key.depth} elements are no multiple of ${depthMultiple}.`;
    yield { legal: false, parameters: { ...shape, chunk }, reason };
    return;
  }
  if (servedDirectly(key)) yield* directCandidates(key);
  const matrixOp = rowGemmMatrixOp(key);
  // A block of fc1 with rows of its own has few of them, and yet reads all tokens.
  const cluster = key.role === "fc1" && matrixOp === "wgmma" ? 4 : 1;
  if (matrixOp === "wgmma" && readsTokensToRegisters(key)) {
    yield candidateOf({ ...key, ...registerTile, chunk, matrixOp: "wgmma_rs", cluster });
  }
  for (const warps of cluster > 1 ? clusterWarps : warpChoices) {
    for (const tiles of cluster > 1 ? clusterTiles : tileChoices) {
      for (const producers of producerChoices) {
        yield candidateOf({ ...key, tiles, warps, producers, chunk, matrixOp, cluster });
      }
    }
  }
}

/** Weight rows of one multiprocessor's block when `rows` results are expected. */
const expectedShare = (key: RowGemmKey, rows: number): number =>
  (rows * rowsPerResult(key)) / archLimits[key.arch].multiprocessors;

function preferencesFor(key: RowGemmKey, rows: number): readonly Preference<RowGemmInstance>[] {
  const share = expectedShare(key, rows);
  const wantedTiles = (i: RowGemmInstance) => (share > tileRows * i.warps ? 2 : 1);
  const expected = `about ${Math.round(share)} expected weight rows a block`;
  return [
    ...directPreferences(share),
    {
      score: (i) => (i.matrixOp === "wgmma_rs" ? 1 : 0),
      reason: (l) => `${l.tokens} tokens in every slot leave less of the ring to rows than tokens in registers do.`,
    },
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
      score: (i) => i.producers,
      reason: (l, w) => `${l.producers} warps that copy send for a slot more slowly than ${w.producers}.`,
    },
  ];
}

/** `rows` is the number of result rows that one call is expected to compute. */
export function chooseRowGemm(key: RowGemmKey, rows: number): Choice<RowGemmInstance> {
  return choose(candidates(key), preferencesFor(key, rows), (i) => {
    if (isDirect(i)) return `${i.warps} warps with ${directSlots(i)} slots of ${i.chunk} elements of 16 rows each.`;
    const pass = `Passes of ${passRows(i)} weight rows for about ${Math.round(expectedShare(key, rows))} a block`;
    return `${pass}, a ring of ${rowGemmSlots(i)} slots of a full one: ${rowGemmSharedBytes(i)} of ${archLimits[i.arch].sharedBytesPerBlock} bytes of shared memory.`;
  });
}
