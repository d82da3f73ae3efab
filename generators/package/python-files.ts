import { join } from "node:path";
import type { Env } from "../io/env.ts";
import type { Files } from "./wheel/zip.ts";

/** What Python or a local build leaves in a source tree; the wheel gets its own library and manifest. */
const excluded = /(?:^|\/)__pycache__\/|\.py[co]$|^turbosparse\/lib\/|^turbosparse\/manifest\.json$/;

/** The static Python package, by path in the wheel. */
export async function readPythonFiles(env: Env): Promise<Files> {
  const root = join(env.packageRoot, "plugins");
  const paths = (await env.fs.walk(root)).filter((path) => path.startsWith("turbosparse/") && !excluded.test(path));
  const contents = await Promise.all(paths.map((path) => env.fs.readBytes(join(root, path))));
  return new Map(paths.map((path, index) => [path, contents[index] ?? new Uint8Array()]));
}
