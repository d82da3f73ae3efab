/** Exit codes of the command line. docs/cli.md has this table, made from the comments here; each is tested. */
export const ExitCode = {
  /** The command did what it was asked to. */
  ok: 0,
  /** A compilation failed, or a check found a difference. */
  failed: 1,
  /** A wrong option, configuration file or model folder. */
  usage: 2,
  /** Something the machine lacks: Python, a compiler, the CUDA toolkit, the network, an output folder it can write. */
  environment: 3,
  /** Everything was already as asked; nothing was written. */
  nothingToDo: 4,
  /** The wheel is not what its manifest says. */
  verification: 5,
  /** The cache cannot be used: no space, no permission, damage that cannot be repaired. */
  cache: 6,
  /** A defect of this program. */
  internal: 70,
  /** Stopped by SIGINT or SIGTERM. */
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

/** Whether a write failed for want of space: on the disk, or in the user's share of it. */
export function isDiskFull(cause: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes((cause as NodeJS.ErrnoException | undefined)?.code ?? "");
}
