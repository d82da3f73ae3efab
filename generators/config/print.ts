import { Document, isCollection, isNode, isSeq } from "yaml";
import type { Origin, ResolvedConfig } from "./types.ts";

/** A resolved configuration as plain data, without its origins. */
export function resolvedData({ origins: _origins, ...data }: ResolvedConfig): Omit<ResolvedConfig, "origins"> {
  return data;
}

/** YAML text; values that have an origin carry it as a comment. */
export function configDocument(data: object, origins: ReadonlyMap<string, Origin> = new Map()): string {
  const document = new Document(data);
  for (const [path, { source, detail }] of origins) {
    const node = document.getIn(keysOf(path), true);
    if (isNode(node)) node.comment = ` ${source}: ${detail}`;
  }
  for (const path of [["archs"], ["engines"], ["tensorParallel"]]) inline(document.getIn(path, true));
  const models = document.get("models");
  if (isSeq(models)) for (const index of models.items.keys()) inline(models.getIn([index, "predictorRanks"], true));
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function inline(node: unknown): void {
  if (isCollection(node)) node.flow = true;
}

/** `models[0].density` → `models`, 0, `density`. */
function keysOf(path: string): (string | number)[] {
  return path
    .split(/[.[\]]+/)
    .filter((part) => part !== "")
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}
