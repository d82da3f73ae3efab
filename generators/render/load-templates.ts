import { join } from "node:path";
import type { Env } from "../io/env.ts";
import type { Templates } from "./engine.ts";

/** Reads the templates that this package ships. */
export async function loadTemplates({ fs, packageRoot }: Pick<Env, "fs" | "packageRoot">): Promise<Templates> {
  const folder = join(packageRoot, "templates");
  const names = (await fs.list(folder)).filter((name) => name.endsWith(".hbs"));
  return new Map(await Promise.all(names.map(async (name) => [name, await fs.readText(join(folder, name))] as const)));
}
