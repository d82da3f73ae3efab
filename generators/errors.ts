/** Exit codes of the command line; documented in docs/troubleshooting.md and tested one by one. */
export const ExitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  environment: 3,
  nothingToDo: 4,
  verification: 5,
  cache: 6,
  internal: 70,
  interrupted: 130,
} as const;

export type ExitCodeName = keyof typeof ExitCode;

/**
 * An error the user can act on. `message` is one sentence that names the file, key or tensor and what was expected;
 * `hint` says what to do next. `code` (for example `TS2104`) has a section in docs/troubleshooting.md.
 */
export class TurboSparseError extends Error {
  override readonly name = "TurboSparseError";
  readonly code: string;
  readonly exit: ExitCodeName;
  readonly hint: string | undefined;

  constructor(options: { code: string; exit: ExitCodeName; message: string; hint?: string; cause?: unknown }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.exit = options.exit;
    this.hint = options.hint;
  }
}
