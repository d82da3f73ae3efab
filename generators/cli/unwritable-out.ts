import { isDiskFull, TurboSparseError } from "../errors.ts";

/** What to say when the file that `--out` names cannot be written. */
export function unwritableOut({ code, file, cause }: { code: string; file: string; cause: unknown }): TurboSparseError {
  const full = isDiskFull(cause);
  return new TurboSparseError({
    code,
    exit: full ? "environment" : "usage",
    message: `--out: ${file} cannot be written (${cause instanceof Error ? cause.message : String(cause)}).`,
    hint: full ? "Free some space, or name a file elsewhere." : "Name a file in a folder that exists and is writable.",
    cause,
  });
}
