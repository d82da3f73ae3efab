import type { ResolvedConfig } from "../config/types.ts";
import { findEngine } from "../engines/registry.ts";
import { TurboSparseError } from "../errors.ts";
import type { Choice } from "./choose.ts";
import { chooseFfnStream } from "./families/ffn-stream.ts";
import { chooseRowGemm } from "./families/row-gemm.ts";
import { chooseSupport } from "./families/support.ts";
import { chooseUnionDown } from "./families/union-down.ts";
import { byCodePoint, instanceName } from "./names.ts";
import {
  type FfnContext,
  ffnContexts,
  gatherNeeds,
  mergeNeeds,
  type Need,
  type Shard,
  selectionNeeds,
  streamNeeds,
  supportNeed,
} from "./needs.ts";
import { streamTokens, unservedRange } from "./tokens.ts";
import type { BuildPlan, Decision, Family, KernelInstance } from "./types.ts";

interface Planned {
  readonly need: Need;
  readonly choice: Choice<KernelInstance>;
}

function chooseFor(need: Need): Choice<KernelInstance> {
  const { key, rows } = need;
  switch (key.family) {
    case "ffn_stream":
      return chooseFfnStream(key);
    case "row_gemm":
      return chooseRowGemm(key, rows);
    case "union_down":
      return chooseUnionDown(key);
    case "support":
      return chooseSupport(key);
  }
}

const planNeeds = (needs: readonly Need[]): Planned[] =>
  mergeNeeds(needs).map((need) => ({ need, choice: chooseFor(need) }));

function decisionsOf({ need, choice }: Planned): Decision[] {
  const { family, arch } = need.key;
  return choice.verdicts.map((verdict) => ({ family, arch, models: need.models, ...verdict }));
}

function noCandidate({ need, choice }: Planned): TurboSparseError {
  const name = instanceName(need.key);
  const last = choice.verdicts.at(-1)?.reason ?? "nothing was considered.";
  return new TurboSparseError({
    code: "TS3002",
    exit: "usage",
    message: `No configuration of ${name} fits, which ${need.models.join(", ")} needs; of the last one considered: ${last}`,
    hint: `\`turbosparse-plugin explain --family ${need.key.family}\` lists the others; leave ${need.key.arch} out, or lower tokens.max.`,
  });
}

const contextsOf = (shards: readonly Shard[], { archs, tokens }: ResolvedConfig) =>
  shards.flatMap((shard) => archs.map((arch) => ({ shard, arch, range: tokens })));

/** What the configuration builds kernels for: every model at every tensor-parallel size. */
export function shardsOf({ models, tensorParallel }: ResolvedConfig): Shard[] {
  return models.flatMap((model) =>
    tensorParallel.map((size) => ({ model, tensorParallel: size, intermediate: model.intermediate / size })),
  );
}

/** What is left of each context's calls where `streams` serve theirs; those served wholly are left out. */
function unstreamed(contexts: readonly FfnContext[], streams: readonly Planned[]): FfnContext[] {
  const misfits = new Set(streams.flatMap(({ need, choice }) => (choice.instance ? [] : [instanceName(need.key)])));
  return contexts.flatMap((context) => {
    const unfit = streamNeeds(context).flatMap(({ key }) => (misfits.has(instanceName(key)) ? [key.tokens] : []));
    const range = unservedRange(context.range, streamTokens, unfit);
    return range ? [{ ...context, range }] : [];
  });
}

/**
 * Every kernel that the configuration asks for, with all that was considered for it. Calls too large for `ffn_stream`,
 * or with rows that fit no configuration of it, go over gathered rows.
 */
function consider(config: ResolvedConfig): Planned[] {
  for (const engine of config.engines) findEngine(engine, config.origins.get("engines")?.detail ?? "engines");
  const contexts = contextsOf(shardsOf(config), config);
  const ffns = contexts.flatMap(ffnContexts);
  const streams = planNeeds(ffns.flatMap(streamNeeds));
  const others = planNeeds([
    ...contexts.flatMap((context) => [supportNeed(context.shard.model, context.arch), ...selectionNeeds(context)]),
    ...unstreamed(ffns, streams).flatMap(gatherNeeds),
  ]);
  return [...streams, ...others];
}

/** Families that may have no configuration, because others serve their calls too. */
const optionalFamilies: readonly Family[] = ["ffn_stream"];

/** What `plan` would weigh, also where it would end in an error. */
export function explain(config: ResolvedConfig): Decision[] {
  return consider(config).flatMap(decisionsOf);
}

/** Decides which kernels to build and how each is configured. Pure: the same configuration gives the same plan. */
export function plan(config: ResolvedConfig): BuildPlan {
  const planned = consider(config);
  const unbuildable = planned.find(
    ({ need, choice }) => !choice.instance && !optionalFamilies.includes(need.key.family),
  );
  if (unbuildable) throw noCandidate(unbuildable);
  return {
    shards: shardsOf(config),
    archs: config.archs,
    engines: config.engines,
    instances: planned
      .flatMap(({ choice }) => (choice.instance ? [choice.instance] : []))
      .sort((a, b) => byCodePoint(instanceName(a), instanceName(b))),
    decisions: planned.flatMap(decisionsOf),
  };
}
