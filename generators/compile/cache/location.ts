import { isAbsolute, join } from "node:path";
import { TurboSparseError } from "../../errors.ts";
import type { Env } from "../../io/env.ts";

/** The cache folder: TURBOSPARSE_CACHE, else the XDG cache folder, else ~/.cache. */
export function cacheRoot(env: Pick<Env, "vars" | "cwd">): string {
  const { TURBOSPARSE_CACHE, XDG_CACHE_HOME, HOME } = env.vars;
  if (TURBOSPARSE_CACHE) return isAbsolute(TURBOSPARSE_CACHE) ? TURBOSPARSE_CACHE : join(env.cwd, TURBOSPARSE_CACHE);
  // The XDG specification has relative paths ignored.
  if (XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME)) return join(XDG_CACHE_HOME, "turbosparse-plugin");
  if (HOME) return join(HOME, ".cache", "turbosparse-plugin");
  throw new TurboSparseError({
    code: "TS6001",
    exit: "cache",
    message: "There is no place for the cache: TURBOSPARSE_CACHE, XDG_CACHE_HOME and HOME are all unset.",
    hint: "Set TURBOSPARSE_CACHE to a folder with about 1 GB of free space.",
  });
}
