import { isDiskFull, TurboSparseError } from "../../errors.ts";

/** The error to show for what failed below `path`: a full disk and a refused write are the user's to mend. */
export function cacheFailure(error: unknown, path: string): unknown {
  if (error instanceof TurboSparseError) return error;
  if (isDiskFull(error)) return diskFull(path, error);
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === undefined || !refused.has(code)) return error;
  return new TurboSparseError({
    code: "TS6003",
    exit: "cache",
    message: `The cache folder ${path} cannot be used: ${(error as Error).message}.`,
    hint: "Set TURBOSPARSE_CACHE to a folder that you may write.",
    cause: error,
  });
}

const refused = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "EIO", "ELOOP", "ENAMETOOLONG"]);

/** The file system under `path` is full, as Node or a compiler reported it. */
export function diskFull(path: string, cause?: unknown): TurboSparseError {
  return new TurboSparseError({
    code: "TS6002",
    exit: "cache",
    message: `No space is left on the file system of ${path}.`,
    hint: "Free some space, run `turbosparse-plugin cache prune`, or set TURBOSPARSE_CACHE to a larger disk.",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Something this build had just put into the cache is gone: another process emptied it. */
export function entryVanished(label: string, root: string): TurboSparseError {
  return new TurboSparseError({
    code: "TS6005",
    exit: "cache",
    message: `${label} left the cache ${root} while the build needed it.`,
    hint: "Another process emptied the cache; run the build again.",
  });
}
