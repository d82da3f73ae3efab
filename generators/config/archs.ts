import { TurboSparseError } from "../errors.ts";
import { type Arch, archs } from "../plan/types.ts";
import { didYouMean } from "../suggest.ts";

/** The architecture that runs on a GPU of each compute capability, as nvidia-smi writes it. */
const archOfCapability: ReadonlyMap<string, Arch> = new Map([
  ["8.0", "sm_80"],
  ["8.6", "sm_86"],
  ["8.9", "sm_89"],
  ["9.0", "sm_90a"],
  ["10.0", "sm_100a"],
  ["12.0", "sm_120a"],
]);

export function archForCapability(capability: string): Arch | undefined {
  return archOfCapability.get(capability.trim());
}

/** `where` names the flag or the place in the file, for the error. */
export function parseArch(text: string, where: string): Arch {
  const arch = archs.find((known) => known === text);
  if (arch !== undefined) return arch;
  throw new TurboSparseError({
    code: "TS1201",
    exit: "usage",
    message: `${where}: unknown architecture "${text}".`,
    hint: `${didYouMean(text, archs)}Known architectures: ${archs.join(", ")}.`,
  });
}

/** Parses, drops repetitions and sorts into the order of `archs`, so that equal sets give equal builds. */
export function parseArchs(texts: readonly string[], where: string): readonly Arch[] {
  const chosen = new Set(texts.map((text) => parseArch(text, where)));
  if (chosen.size > 0) return archs.filter((arch) => chosen.has(arch));
  throw new TurboSparseError({
    code: "TS1202",
    exit: "usage",
    message: `${where}: no architecture given.`,
    hint: `Name at least one of ${archs.join(", ")}.`,
  });
}
