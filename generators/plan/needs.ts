import type { ModelSpec } from "../model/types.ts";
import { byCodePoint, type FfnStreamKey, instanceName, type KernelKey, type RowGemmKey } from "./names.ts";
import { gemmTokens, servingVariants, streamTokens, type TokenRange } from "./tokens.ts";
import type { Arch, BuildPlan, RowGemmRole } from "./types.ts";
import { expectedExperts, expectedUnion, rankClass } from "./workload.ts";

export type Shard = BuildPlan["shards"][number];

/** A kernel that some model cannot do without. */
export interface Need<K extends KernelKey = KernelKey> {
  readonly key: K;
  /** Names of the models that need it, sorted. */
  readonly models: readonly string[];
  /** Result rows that one call is expected to compute: the largest over the models. */
  readonly rows: number;
}

/** The calls of one shard on one architecture. */
interface Context {
  readonly shard: Shard;
  readonly arch: Arch;
  readonly range: TokenRange;
}

const need = <K extends KernelKey>(model: ModelSpec, key: K, rows: number): Need<K> => ({
  key,
  models: [model.name],
  rows,
});

/** The calls of an FFN that reads neurons whole, or without the gate rows. */
export interface FfnContext extends Context {
  readonly rows: 2 | 3;
}

/** Whole neurons for a mask that is given, which every model may be asked for; two rows once the gate is known. */
export function ffnContexts(context: Context): FfnContext[] {
  const rowCounts = context.shard.model.selection === "gate-first" ? ([2, 3] as const) : ([3] as const);
  return rowCounts.map((rows) => ({ ...context, rows }));
}

const unionOf = ({ shard, range }: Context, tokens: number) =>
  expectedUnion(shard.model, shard.intermediate, Math.min(tokens, range.max));

export function streamNeeds(context: FfnContext): Need<FfnStreamKey>[] {
  const { shard, arch, range, rows } = context;
  const { dtype, hidden, activation, experts } = shard.model;
  const shape = { arch, dtype, hidden, activation, experts };
  return servingVariants(streamTokens, range).map((tokens) =>
    need(shard.model, { family: "ffn_stream", ...shape, tokens, rows }, unionOf(context, tokens)),
  );
}

/** How many rows one call of `tokens` tokens computes in a role. */
function expectedRows(role: RowGemmRole, { model, intermediate }: Shard, tokens: number): number {
  switch (role) {
    case "fc1":
      return expectedExperts(model, tokens) * rankClass(model);
    case "select":
    case "gate":
      return expectedExperts(model, tokens) * intermediate;
    case "gate_up":
    case "up":
      return expectedUnion(model, intermediate, tokens);
  }
}

function rowGemmNeed(
  role: RowGemmRole,
  { shard, arch, range }: Context,
  tokens: number,
  weightBits: RowGemmKey["weightBits"] = 16,
): Need<RowGemmKey> {
  const { model } = shard;
  const selects = role === "fc1" || role === "select";
  const key: RowGemmKey = {
    family: "row_gemm",
    role,
    arch,
    dtype: model.dtype,
    weightBits,
    depth: role === "select" ? rankClass(model) : model.hidden,
    activation: selects ? "drelu" : model.activation,
    experts: model.experts,
    tokens,
  };
  return need(model, key, expectedRows(role, shard, Math.min(tokens, range.max)));
}

/** What finds the active neurons, for every number of tokens. Whoever loads a predictor decides if its fc2 is int8. */
export function selectionNeeds(context: Context): Need<RowGemmKey>[] {
  const needsOf =
    context.shard.model.selection === "predictor"
      ? (tokens: number) => [
          rowGemmNeed("fc1", context, tokens),
          rowGemmNeed("select", context, tokens, 8),
          rowGemmNeed("select", context, tokens, 16),
        ]
      : (tokens: number) => [rowGemmNeed("gate", context, tokens)];
  return servingVariants(gemmTokens, context.range).flatMap(needsOf);
}

/** The path over gathered rows to partial outputs, which serves any number of tokens. */
export function gatherNeeds(context: FfnContext): Need[] {
  const { shard, arch, range, rows } = context;
  const { model } = shard;
  const { dtype, hidden, experts } = model;
  return servingVariants(gemmTokens, range).flatMap((tokens) => [
    rowGemmNeed(rows === 3 ? "gate_up" : "up", context, tokens),
    need(model, { family: "union_down", arch, dtype, hidden, experts, tokens } as const, unionOf(context, tokens)),
  ]);
}

export function supportNeed(model: ModelSpec, arch: Arch): Need {
  return need(model, { family: "support", arch, dtype: model.dtype }, 0);
}

/** One need for each dispatch key, in the order of their names. */
export function mergeNeeds<K extends KernelKey>(needs: readonly Need<K>[]): Need<K>[] {
  const merged = new Map<string, Need<K>>();
  for (const next of needs) {
    const name = instanceName(next.key);
    const known = merged.get(name) ?? next;
    const models = [...new Set([...known.models, ...next.models])].sort(byCodePoint);
    merged.set(name, { key: known.key, models, rows: Math.max(known.rows, next.rows) });
  }
  return [...merged].sort(([a], [b]) => byCodePoint(a, b)).map(([, value]) => value);
}
