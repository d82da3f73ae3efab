import { join } from "node:path";
import type { Env } from "../io/env.ts";

/** The version in package.json, which the wheel gets too. */
export async function packageVersion(env: Pick<Env, "fs" | "packageRoot">): Promise<string> {
  const { version } = JSON.parse(await env.fs.readText(join(env.packageRoot, "package.json"))) as { version: string };
  return version;
}
