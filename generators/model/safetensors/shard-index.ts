import type { Env } from "../../io/env.ts";
import { modelError, reasonOf } from "../error.ts";

/** Tensor name → shard file name, from a model.safetensors.index.json. `file` is the name for errors. */
export async function readIndex(env: Env, path: string, file: string): Promise<ReadonlyMap<string, string>> {
  let content: unknown;
  try {
    content = JSON.parse(await env.fs.readText(path));
  } catch (error) {
    throw modelError(
      "TS2109",
      `${file} cannot be read as JSON (${reasonOf(error)}).`,
      "Download the file again.",
      error,
    );
  }
  const map = (content as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map) || Object.keys(map).length === 0) {
    throw modelError("TS2109", `${file} has no weight_map.`, "Download the file again.");
  }
  for (const [tensor, shard] of Object.entries(map)) {
    // A plain name: an index must not lead out of its folder.
    if (typeof shard === "string" && /^[^/\\]+\.safetensors$/.test(shard)) continue;
    throw modelError(
      "TS2109",
      `${file}: tensor ${tensor} is placed in ${JSON.stringify(shard)}, expected a .safetensors file name.`,
    );
  }
  return new Map(Object.entries(map as Record<string, string>));
}
