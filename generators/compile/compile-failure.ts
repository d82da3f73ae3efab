import { TurboSparseError } from "../errors.ts";
import type { RunResult } from "../io/env.ts";
import { diskFull } from "./cache/failure.ts";
import { firstError, isDiskFull, wasKilled } from "./nvcc-error.ts";
import { KilledError } from "./schedule.ts";
import type { Unit } from "./types.ts";

interface Circumstances {
  readonly log: string;
  /** Where it was compiled. */
  readonly folder: string;
  readonly timeoutMs: number;
}

/** What to say of a compiler that did not end with 0. */
export function unitFailure(unit: Unit, result: RunResult, { log, folder, timeoutMs }: Circumstances): Error {
  const output = `${result.stdout}${result.stderr}`;
  if (isDiskFull(output)) return diskFull(folder);
  if (result.spawnError !== undefined) {
    return new TurboSparseError({
      code: "TS4008",
      exit: "environment",
      message: `nvcc could not be started: ${result.spawnError}.`,
      hint: "Run `turbosparse-plugin doctor`: it says which nvcc is used and whether it runs.",
    });
  }
  if (result.timedOut) {
    return new TurboSparseError({
      code: "TS4104",
      exit: "failed",
      message: `nvcc did not finish ${unit.path} within ${timeoutMs / 1000} s and was ended.`,
      hint: `Raise the limit with --timeout if the machine is slow; what nvcc printed is in ${log}.`,
    });
  }
  if (wasKilled(result)) return new KilledError(killedSentence(unit));
  const how = result.signal === undefined ? `exit code ${result.exitCode}` : result.signal;
  return new TurboSparseError({
    code: "TS4102",
    exit: "failed",
    message: `nvcc failed on ${unit.path} (${how}): ${firstError(output) ?? "it printed no error"}`,
    hint: `The whole output is in ${log}.`,
  });
}

/** nvcc ended with 0 but what it left is not an object file. */
export function noObject(unit: Unit, nvcc: string): TurboSparseError {
  return new TurboSparseError({
    code: "TS4105",
    exit: "failed",
    message: `${nvcc} reported success for ${unit.path} but did not write an x86-64 object file.`,
    hint: "Check the installation of nvcc, or unset CUDA_HOME to have it installed from PyPI.",
  });
}

/** The compiler was killed again when it ran alone. */
export function killedTwice(error: KilledError): TurboSparseError {
  return new TurboSparseError({
    code: "TS4103",
    exit: "environment",
    message: `${error.message}, also when it ran alone: most likely memory ran out.`,
    hint: "Give the build at least 6 GB of memory, or raise the container's limit.",
    cause: error,
  });
}

function killedSentence(unit: Unit): string {
  return `nvcc was killed while it compiled ${unit.path}`;
}
