import { join } from "node:path";
import type { CacheStore } from "../../compile/cache/store.ts";
import { sha256 } from "../../compile/digest.ts";
import type { Env } from "../../io/env.ts";
import type { Wheel } from "./wheel.ts";
import { writeZip } from "./zip.ts";

/** Raised when the archive's form changes while its content stays. */
const archiveSchema = 1;

/** The zipped wheel. Deflating the library takes longer than all else of a warm build, so the archive is cached too. */
export async function cachedZip(env: Env, store: CacheStore, wheel: Wheel): Promise<Uint8Array> {
  const digests = [...wheel.files].map(([path, bytes]) => [path, sha256(bytes)]);
  const key = sha256(JSON.stringify({ schema: archiveSchema, name: wheel.name, digests }));
  const cached = (await store.read("wheels", key))?.files.get(wheel.name);
  if (cached !== undefined) {
    await store.touch("wheels", [key]);
    return cached;
  }
  const bytes = await writeZip(wheel.files);
  await store.publish("wheels", key, wheel.name, (folder) => env.fs.writeAtomic(join(folder, wheel.name), bytes));
  return bytes;
}
