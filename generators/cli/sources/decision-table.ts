import type { Decision } from "../../plan/types.ts";

/** What the planner tunes, in the order shown; everything else of a decision says what the kernel is for. */
const tuned = ["threads", "pipe", "tiles", "columns", "warps", "producers", "chunk", "stages", "ringBytes"];

const pairs = (entries: readonly [string, string | number][]): string =>
  entries.map(([key, value]) => `${key}=${value}`).join(" ");

function heading({ family, arch, models, parameters }: Decision): string {
  const shape = Object.entries(parameters).filter(([key]) => !tuned.includes(key));
  return `${family} ${arch} ${pairs(shape)} for ${models.join(", ")}`;
}

/** One paragraph a kernel: what it is for, then a line for each configuration, the chosen one marked with `*`. */
export function decisionTable(decisions: readonly Decision[]): string {
  const kernels = new Map<string, Decision[]>();
  for (const decision of decisions) {
    const title = heading(decision);
    kernels.set(title, [...(kernels.get(title) ?? []), decision]);
  }
  return [...kernels].map(([title, considered]) => `${title}\n${rows(considered)}`).join("\n");
}

function rows(decisions: readonly Decision[]): string {
  const cells = decisions.map(({ parameters, verdict, reason }) => ({
    mark: verdict === "chosen" ? "*" : " ",
    configuration: pairs(tuned.flatMap((key) => (parameters[key] === undefined ? [] : [[key, parameters[key]]]))),
    reason,
  }));
  const width = Math.max(...cells.map(({ configuration }) => configuration.length));
  return cells.map(({ mark, configuration, reason }) => `${mark} ${configuration.padEnd(width)}  ${reason}\n`).join("");
}
