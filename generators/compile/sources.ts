import { join } from "node:path";
import type { Env } from "../io/env.ts";
import type { FileSet } from "../render/types.ts";

/** The text files below one folder of the package, by path from the package's root. */
export async function readPackageFolder(env: Pick<Env, "fs" | "packageRoot">, folder: string): Promise<FileSet> {
  const root = join(env.packageRoot, folder);
  const paths = await env.fs.walk(root);
  const texts = await Promise.all(paths.map((path) => env.fs.readText(join(root, path))));
  return new Map(paths.map((path, index) => [`${folder}/${path}`, texts[index] ?? ""]));
}
