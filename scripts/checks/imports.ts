import { posix } from "node:path";
import { ts } from "ts-morph";
import type { TrackedFile } from "./tracked-files.ts";

/** A folder may use values of itself and of the folders before it: the pass never turns back. */
const order = ["model", "config", "engines", "plan", "render", "compile", "package", "report", "cli"];

/** Modules that reach the world; only generators/io may import them. */
const worldly = /^(node:(fs|fs\/promises|child_process|net|http|https|worker_threads|cluster)|execa)$/;

/** The only place that starts processes. */
const processModule = "generators/io/process.ts";

/**
 * Checks the imports of `generators/` and says what breaks the rules of docs/architecture.md.
 * Type modules (`types.ts`, `io/env.ts`, `errors.ts`) are the stages' common vocabulary and free to all.
 */
export function importProblems(files: readonly TrackedFile[]): string[] {
  const problems: string[] = [];
  for (const { path, text } of files) {
    if (!path.startsWith("generators/") || !path.endsWith(".ts")) continue;
    for (const { fileName, pos } of ts.preProcessFile(text).importedFiles) {
      const reason = refusal(path, fileName);
      if (reason !== undefined) problems.push(`${path}:${text.slice(0, pos).split("\n").length}: ${reason}`);
    }
  }
  return problems;
}

function refusal(from: string, specifier: string): string | undefined {
  const folder = stageOf(from);
  if (!specifier.startsWith(".")) {
    if (worldly.test(specifier) && folder !== "io") {
      return `imports "${specifier}"; only generators/io may, take the Env as an argument`;
    }
    if (/^(execa|node:child_process)$/.test(specifier) && from !== processModule) {
      return `imports "${specifier}"; only ${processModule} starts processes`;
    }
    return undefined;
  }
  const to = posix.join(posix.dirname(from), specifier);
  if (!to.startsWith("generators/")) return `imports ${to}, which is outside generators/`;
  const target = stageOf(to);
  if (target === folder || isVocabulary(to)) return undefined;
  if (target === "io") {
    return from === "generators/cli/main.ts" ? undefined : `imports ${to}; take the Env as an argument`;
  }
  if (order.indexOf(target) < order.indexOf(folder)) return undefined;
  return `${folder} imports ${to}; it may import only what comes before it in: ${order.join(", ")}`;
}

const stageOf = (path: string): string => path.split("/")[1] ?? "";

const isVocabulary = (path: string): boolean =>
  path.endsWith("/types.ts") || path === "generators/io/env.ts" || path === "generators/errors.ts";
