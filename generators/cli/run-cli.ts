import { ExitCode, type ExitCodeName } from "../errors.ts";
import type { Env } from "../io/env.ts";
import { packageVersion } from "../package/version.ts";
import { createProgram, selectCommands } from "./program.ts";
import { createProgress } from "./progress/create-progress.ts";
import { type CommandEntry, commandRegistry } from "./registry.ts";
import { reportError } from "./report-error.ts";

/** Runs one command line and returns the process's exit code; never rejects. */
export async function runCli(
  env: Env,
  argv: readonly string[],
  registry: readonly CommandEntry[] = commandRegistry,
): Promise<number> {
  try {
    const definitions = await Promise.all(selectCommands(argv, registry).map((entry) => entry.load()));
    const version = await packageVersion(env);
    let exit: ExitCodeName = "ok";
    const program = createProgram({ env, progress: createProgress(env) }, definitions, version, (name) => {
      exit = name;
    });
    await program.parseAsync(argv, { from: "user" });
    env.signal.throwIfAborted();
    return ExitCode[exit];
  } catch (error) {
    return reportError(env, error, argv.includes("--verbose"));
  }
}
