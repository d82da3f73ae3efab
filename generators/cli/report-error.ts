import { CommanderError } from "commander";
import { ExitCode, TurboSparseError } from "../errors.ts";
import type { Env } from "../io/env.ts";

/** Commander's own codes for requests that it has answered already. */
const answered: readonly string[] = ["commander.helpDisplayed", "commander.version", "commander.help"];

/** Prints what went wrong on stderr and returns the exit code of the process. */
export function reportError(env: Env, error: unknown, verbose: boolean): number {
  if (error instanceof CommanderError && answered.includes(error.code)) {
    // Help that nobody asked for, because no command was given, counts as a usage error.
    return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  }
  const known = explain(env, error);
  env.stderr.write(`error[${known.code}]: ${known.message}\n`);
  if (known.hint !== undefined && known.hint !== "") env.stderr.write(`hint: ${known.hint}\n`);
  if (verbose && known.exit === "internal") env.stderr.write(`${stackOf(error)}\n`);
  return ExitCode[known.exit];
}

function explain(env: Env, error: unknown): TurboSparseError {
  // An abort surfaces as whatever the interrupted step happened to throw.
  if (env.signal.aborted) {
    return new TurboSparseError({ code: "TS1901", exit: "interrupted", message: "Interrupted." });
  }
  if (error instanceof TurboSparseError) return error;
  if (error instanceof CommanderError) return usageError(error);
  if (isMachineTrouble(error)) {
    return new TurboSparseError({ code: "TS1902", exit: "environment", message: `${error.message}.` });
  }
  return new TurboSparseError({
    code: "TS1900",
    exit: "internal",
    message: `Unexpected: ${error instanceof Error ? error.message : String(error)}`,
    hint: "This is a defect of turbosparse-plugin. Please report the output of the same command with --verbose.",
  });
}

/** Conditions of the machine that any step may meet; other system errors would be defects. */
const machineTroubles = ["EACCES", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC", "EPERM", "EROFS"];

function isMachineTrouble(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && machineTroubles.includes(String(error.code));
}

/** Turns `error: unknown option '--x'\n(Did you mean --y?)` into a sentence and a hint. */
function usageError(error: CommanderError): TurboSparseError {
  const [first = "", ...rest] = error.message.split("\n");
  const sentence = first.replace(/^error: /, "");
  const code = { "commander.unknownCommand": "TS1001", "commander.unknownOption": "TS1002" }[error.code] ?? "TS1003";
  return new TurboSparseError({
    code,
    exit: "usage",
    message: `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}${sentence.endsWith(".") ? "" : "."}`,
    hint: [...rest.map((line) => line.replace(/^\((.*)\)$/, "$1")), "`--help` lists what there is."].join(" "),
  });
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
