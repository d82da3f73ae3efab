import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { execa } from "execa";
import { main, realCudaHome, sharedCache, smallConfig } from "./build-world.ts";

/** The small configuration compiled by the real nvcc, through the shared cache, into a folder that is made. */
export async function buildRealWheel(folder: string): Promise<{ path: string; name: string; bytes: Uint8Array }> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "turbosparse.yaml"), smallConfig);
  const { stdout } = await execa(process.execPath, [main, "build", "--json"], {
    cwd: folder,
    env: { CUDA_HOME: await realCudaHome(), TURBOSPARSE_CACHE: sharedCache },
  });
  const { path } = JSON.parse(stdout).wheel;
  return { path, name: basename(path), bytes: await readFile(path) };
}
