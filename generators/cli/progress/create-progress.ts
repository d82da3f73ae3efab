import type { Env } from "../../io/env.ts";
import type { Progress } from "../command.ts";
import { githubProgress } from "./github-progress.ts";
import { plainProgress } from "./plain-progress.ts";
import { terminalProgress } from "./terminal-progress.ts";

/** Chooses by where stderr goes. A terminal that cannot move its cursor, or any CI, gets plain lines. */
export function createProgress({ stderr, vars }: Pick<Env, "stderr" | "vars">): Progress {
  if (vars.GITHUB_ACTIONS === "true") return githubProgress(stderr);
  const live = stderr.isTTY && vars.TERM !== "dumb" && isUnset(vars.CI);
  return live ? terminalProgress(stderr) : plainProgress(stderr);
}

/** Set to nothing means unset, as for NO_COLOR, which the renderer itself respects. */
function isUnset(value: string | undefined): boolean {
  return value === undefined || value === "";
}
