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
  gatheredRange,
  gatherNeeds,
  mergeNeeds,
  type Need,
  type Shard,
  selectionNeeds,
  streamNeeds,
  supportNeed,
} from "./needs.ts";
import type { BuildPlan, Decision, KernelInstance } from "./types.ts";

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
    hint: `Leave ${need.key.arch} out, or lower tokens.max.`,
  });
}

/**
 * Decides which kernels to build and how each is configured. Pure: the same configuration gives the same plan.
 *
 * A row too wide for any `ffn_stream` configuration is served by the tensor core path from one token on, which the
 * launchers take when their table has no entry; every other kernel without a legal configuration is an error.
 */
export function plan(config: ResolvedConfig): BuildPlan {
  const engineOrigin = config.origins.get("engines")?.detail ?? "engines";
  const engines = config.engines.map((name) => findEngine(name, engineOrigin).name);
  const shards: Shard[] = config.models.flatMap((model) =>
    config.tensorParallel.map((tensorParallel) => ({
      model,
      tensorParallel,
      intermediate: model.intermediate / tensorParallel,
    })),
  );
  const contexts = shards.flatMap((shard) => config.archs.map((arch) => ({ shard, arch, range: config.tokens })));

  const streams = planNeeds(contexts.flatMap(streamNeeds));
  const misfits = new Set(streams.flatMap(({ need, choice }) => (choice.instance ? [] : [instanceName(need.key)])));
  const others = planNeeds(
    contexts.flatMap((context) => {
      const unserved = streamNeeds(context).flatMap(({ key }) => (misfits.has(instanceName(key)) ? [key.tokens] : []));
      return [
        supportNeed(context.shard.model, context.arch),
        ...selectionNeeds(context),
        ...gatherNeeds(context, gatheredRange(context.range, unserved)),
      ];
    }),
  );
  const unbuildable = others.find(({ choice }) => choice.instance === undefined);
  if (unbuildable) throw noCandidate(unbuildable);

  const planned = [...streams, ...others];
  return {
    shards,
    archs: config.archs,
    engines,
    instances: planned
      .flatMap(({ choice }) => (choice.instance ? [choice.instance] : []))
      .sort((a, b) => byCodePoint(instanceName(a), instanceName(b))),
    decisions: planned.flatMap(decisionsOf),
  };
}
