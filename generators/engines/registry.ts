import { TurboSparseError } from "../errors.ts";
import { didYouMean } from "../suggest.ts";
import { cpp } from "./cpp.ts";
import { tensorrt } from "./tensorrt.ts";
import type { EngineDefinition } from "./types.ts";
import { vllm } from "./vllm.ts";

/** Every engine that can be built for. */
const engines: readonly EngineDefinition[] = [vllm, tensorrt, cpp];

/** The engine of that name. `where` is the flag or `file:line:col` that names it, for the error. */
export function findEngine(name: string, where: string): EngineDefinition {
  const engine = engines.find((known) => known.name === name);
  if (engine) return engine;
  const names = engines.map((known) => known.name);
  throw new TurboSparseError({
    code: "TS3001",
    exit: "usage",
    message: `${where}: unknown engine "${name}".`,
    hint: `${didYouMean(name, names)}Known engines: ${engines.map((known) => `${known.name} (${known.product})`).join(", ")}.`,
  });
}
