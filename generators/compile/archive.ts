import { join } from "node:path";
import { objectFile, type UnitCompiler } from "./compile-unit.ts";
import { linkFailure } from "./link.ts";
import { cleanEnvironment } from "./toolchain/probe.ts";

export interface ArchiveInputs {
  /** File name of the static library. */
  readonly name: string;
  /** The units' sources and the folders of their objects' cache entries. */
  readonly objects: readonly { readonly path: string; readonly folder: string }[];
  /** Where to leave the static library. */
  readonly folder: string;
}

/** Puts the objects into a static library whose bytes depend on nothing else: `D` leaves out times and owners. */
export async function archive(compiler: UnitCompiler, { name, objects, folder }: ArchiveInputs): Promise<void> {
  const { env, store, toolchain, timeoutMs } = compiler;
  const options = { timeoutMs, env: cleanEnvironment };
  // The binutils that belong to the host compiler.
  const program = await env.run(toolchain.host.path, ["-print-prog-name=ar"], options);
  await store.withTempDir(async (members) => {
    const names = objects.map(({ path }) => `${path.replaceAll("/", "_").replace(/\.\w+$/, "")}.o`);
    for (const [index, { folder: object }] of objects.entries()) {
      await env.fs.copy(join(object, objectFile), join(members, names[index] ?? ""));
    }
    const result = await compiler.busy(() =>
      env.run(program.stdout.trim() || "ar", ["rcsD", join(folder, name), ...names], { ...options, cwd: members }),
    );
    if (result.exitCode !== 0) throw await linkFailure(compiler, name, folder, result);
  });
}
