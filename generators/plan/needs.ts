import type { ModelSpec } from "../model/types.ts";
import { byCodePoint, type FfnStreamKey, instanceName, type KernelKey, type RowGemmKey } from "./names.ts";
import {
  clampRange,
  gemmTokens,
  maxStreamTokens,
  maxTokens,
  servingVariants,
  streamTokens,
  type TokenRange,
} from "./tokens.ts";
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

/** Whole neurons for a mask that is given, which every model may be asked for; two rows once the gate is known. */
export function streamNeeds({ shard, arch, range }: Context): Need<FfnStreamKey>[] {
  const { model, intermediate } = shard;
  const streamed = clampRange(range, 1, maxStreamTokens);
  if (streamed === undefined) return [];
  const rowCounts = model.selection === "gate-first" ? ([2, 3] as const) : ([3] as const);
  const { dtype, hidden, activation, experts } = model;
  return servingVariants(streamTokens, streamed).flatMap((tokens) =>
    rowCounts.map((rows) =>
      need(
        model,
        { family: "ffn_stream", arch, dtype, hidden, activation, experts, tokens, rows },
        expectedUnion(model, intermediate, Math.min(tokens, range.max)),
      ),
    ),
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

function rowGemmNeed(role: RowGemmRole, { shard, arch, range }: Context, tokens: number): Need<RowGemmKey> {
  const { model } = shard;
  const selects = role === "fc1" || role === "select";
  const key: RowGemmKey = {
    family: "row_gemm",
    role,
    arch,
    dtype: model.dtype,
    depth: role === "select" ? rankClass(model) : model.hidden,
    activation: selects ? "drelu" : model.activation,
    experts: model.experts,
    tokens,
  };
  return need(model, key, expectedRows(role, shard, Math.min(tokens, range.max)));
}

/** What finds the active neurons, for every number of tokens. */
export function selectionNeeds(context: Context): Need<RowGemmKey>[] {
  const roles: readonly RowGemmRole[] = context.shard.model.selection === "predictor" ? ["fc1", "select"] : ["gate"];
  return servingVariants(gemmTokens, context.range).flatMap((tokens) =>
    roles.map((role) => rowGemmNeed(role, context, tokens)),
  );
}

/** The tensor core path from gathered rows to partial outputs, for the calls in `gathered`. */
export function gatherNeeds(context: Context, gathered: TokenRange | undefined): Need[] {
  if (gathered === undefined) return [];
  const { shard, arch } = context;
  const { model, intermediate } = shard;
  const roles: readonly RowGemmRole[] = model.selection === "predictor" ? ["gate_up"] : ["gate_up", "up"];
  return servingVariants(gemmTokens, gathered).flatMap((tokens) => [
    ...roles.map((role) => rowGemmNeed(role, context, tokens)),
    need(
      model,
      { family: "union_down", arch, dtype: model.dtype, hidden: model.hidden, tokens } as const,
      expectedUnion(model, intermediate, Math.min(tokens, context.range.max)),
    ),
  ]);
}

/** The calls that `ffn_stream` does not serve: above its tokens, and those whose variant is in `misfits`. */
export function gatheredRange(range: TokenRange, misfits: readonly number[]): TokenRange | undefined {
  const smallestMisfit = Math.min(...misfits);
  const firstUnserved = Math.max(0, ...streamTokens.filter((tokens) => tokens < smallestMisfit)) + 1;
  return clampRange(range, firstUnserved, maxTokens);
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
