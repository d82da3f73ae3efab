import { join } from "node:path";
import type { Env } from "../../io/env.ts";
import { parseRecord } from "../../report/record/read.ts";
import type { BenchRecord } from "../../report/record/schema.ts";

/** The bench records that this package brings, in the order of their names; other measurements are passed over. */
export async function shippedRecords({ fs, packageRoot }: Pick<Env, "fs" | "packageRoot">): Promise<BenchRecord[]> {
  const folder = join(packageRoot, "docs/measurements");
  if ((await fs.stat(folder)) === undefined) return [];
  const paths = (await fs.list(folder)).filter((name) => name.endsWith(".json")).map((name) => join(folder, name));
  const texts = await Promise.all(paths.map((path) => fs.readText(path)));
  return texts.flatMap((text, index) => (isBench(text) ? [parseRecord(paths[index] ?? "", text)] : []));
}

function isBench(text: string): boolean {
  const { kind }: { kind?: unknown } = JSON.parse(text);
  return kind === "turbosparse-bench";
}
