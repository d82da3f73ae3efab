import type { Command } from "commander";
import type { ExitCodeName } from "../errors.ts";
import type { Env } from "../io/env.ts";

/** Progress goes to stderr: a live task list on a terminal, plain lines elsewhere, `::group::` in GitHub Actions. */
export interface Progress {
  /** Shows `title` while `work` runs; `update` replaces the detail shown beside it. Nested calls are sub-tasks. */
  task<T>(title: string, work: (update: (detail: string) => void) => Promise<T>): Promise<T>;
  /** One line that stays. */
  note(text: string): void;
}

export interface CommandContext {
  readonly env: Env;
  readonly progress: Progress;
}

/** One sub-command: a value in the registry, with its options declared on commander's own object. */
export interface CommandDefinition {
  readonly name: string;
  readonly summary: string;
  configure(command: Command): void;
  /** Data goes to `env.stdout`. Throws a `TurboSparseError` for anything the user can act on. */
  run(
    context: CommandContext,
    args: readonly string[],
    options: Readonly<Record<string, unknown>>,
  ): Promise<ExitCodeName>;
}
