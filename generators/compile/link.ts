import { join } from "node:path";
import { TurboSparseError } from "../errors.ts";
import type { RunResult } from "../io/env.ts";
import { diskFull } from "./cache/failure.ts";
import { objectFile, type UnitCompiler } from "./compile-unit.ts";
import { linkFlags } from "./flags.ts";
import type { LibraryDefinition } from "./libraries.ts";
import { firstError, isDiskFull } from "./nvcc-error.ts";
import { cleanEnvironment } from "./toolchain/probe.ts";

export interface LinkInputs {
  readonly library: LibraryDefinition;
  /** Folders of the objects' cache entries, in the order of linking. */
  readonly objectFolders: readonly string[];
  /** Folder of apache-tvm-ffi's library, where a unit uses it. */
  readonly tvmFfiLibraries: string | undefined;
  /** Where to leave the library. */
  readonly folder: string;
}

/** Links with the host compiler, which leaves no trace of where it ran; nvcc's own link step is for device linking. */
export async function link(compiler: UnitCompiler, inputs: LinkInputs): Promise<void> {
  const { env, toolchain } = compiler;
  const { library, tvmFfiLibraries } = inputs;
  await env.fs.writeAtomic(join(inputs.folder, "exports.map"), library.exports);
  const args = [
    ...linkFlags,
    ...["-o", library.file],
    ...inputs.objectFolders.map((folder) => join(folder, objectFile)),
    ...(await cudaLibraryFolders(compiler)).map((folder) => `-L${folder}`),
    ...(tvmFfiLibraries === undefined ? [] : [`-L${tvmFfiLibraries}`]),
    "-lcudart_static",
    ...(tvmFfiLibraries === undefined ? [] : ["-ltvm_ffi"]),
    ...["-ldl", "-lrt", "-lpthread"],
  ];
  const result = await compiler.busy(() =>
    env.run(toolchain.host.path, args, {
      cwd: inputs.folder,
      timeoutMs: compiler.timeoutMs,
      env: { ...cleanEnvironment, TMPDIR: inputs.folder },
    }),
  );
  await env.fs.remove(join(inputs.folder, "exports.map"));
  if (result.exitCode !== 0) throw await linkFailure(compiler, library.file, inputs.folder, result);
}

/** What to say of a linker, or an archiver, that did not end with 0; its whole output is kept. */
export async function linkFailure(
  { env, logFolder }: UnitCompiler,
  file: string,
  folder: string,
  result: RunResult,
): Promise<TurboSparseError> {
  const output = `${result.spawnError ?? ""}${result.stdout}${result.stderr}`;
  if (isDiskFull(output)) return diskFull(folder);
  const log = join(logFolder, "link.log");
  await env.fs.makeDir(logFolder);
  await env.fs.writeAtomic(log, `${result.command}\n${output}`);
  return new TurboSparseError({
    code: "TS4106",
    exit: "failed",
    message: `${file} could not be linked: ${firstError(output) ?? "the linker printed no error"}`,
    hint: `The whole output is in ${log}.`,
  });
}

/** NVIDIA's wheels keep the runtime in lib, its packages in targets/x86_64-linux/lib, others in lib64. */
async function cudaLibraryFolders({ env, toolchain }: UnitCompiler): Promise<string[]> {
  const root = join(await env.fs.realPath(toolchain.nvcc.path), "..", "..");
  return ["lib", "targets/x86_64-linux/lib", "lib64"].map((folder) => join(root, folder));
}
