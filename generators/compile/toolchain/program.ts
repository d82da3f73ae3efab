import { isAbsolute, join } from "node:path";
import type { Env } from "../../io/env.ts";

/** Absolute path of a program: as given when absolute, else the first of that name on PATH. */
export async function findProgram(env: Env, name: string): Promise<string | undefined> {
  if (name.includes("/")) {
    const path = isAbsolute(name) ? name : join(env.cwd, name);
    return (await isThere(env, path)) ? path : undefined;
  }
  for (const folder of (env.vars.PATH ?? "").split(":")) {
    const path = join(folder, name);
    if (isAbsolute(path) && (await isThere(env, path))) return path;
  }
  return undefined;
}

async function isThere(env: Env, path: string): Promise<boolean> {
  const kind = (await env.fs.stat(path))?.kind;
  return kind === "file" || kind === "symlink";
}
