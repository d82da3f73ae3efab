import { join } from "node:path";
import { TurboSparseError } from "../errors.ts";
import { diskFull } from "./cache/failure.ts";
import { objectFile, type UnitCompiler } from "./compile-unit.ts";
import { exportsMap, linkFlags } from "./flags.ts";
import { firstError, isDiskFull } from "./nvcc-error.ts";
import { cleanEnvironment } from "./toolchain/probe.ts";

/** File name of the library, here and in the wheel. */
export const libraryFile = "libturbosparse.so";

export interface LinkInputs {
  /** Folders of the objects' cache entries, in the order of linking. */
  readonly objectFolders: readonly string[];
  /** Folder of apache-tvm-ffi's library. */
  readonly tvmFfiLibraries: string;
  /** Where to leave `libturbosparse.so`. */
  readonly folder: string;
}

/** Links with the host compiler, which leaves no trace of where it ran; nvcc's own link step is for device linking. */
export async function link(compiler: UnitCompiler, inputs: LinkInputs): Promise<void> {
  const { env, toolchain } = compiler;
  await env.fs.writeAtomic(join(inputs.folder, "exports.map"), exportsMap);
  const args = [
    ...linkFlags,
    ...["-o", libraryFile],
    ...inputs.objectFolders.map((folder) => join(folder, objectFile)),
    ...(await cudaLibraryFolders(compiler)).map((folder) => `-L${folder}`),
    `-L${inputs.tvmFfiLibraries}`,
    ...["-lcudart_static", "-ltvm_ffi", "-ldl", "-lrt", "-lpthread"],
  ];
  const result = await compiler.busy(() =>
    env.run(toolchain.host.path, args, {
      cwd: inputs.folder,
      timeoutMs: compiler.timeoutMs,
      env: { ...cleanEnvironment, TMPDIR: inputs.folder },
    }),
  );
  await env.fs.remove(join(inputs.folder, "exports.map"));
  if (result.exitCode === 0) return;
  const output = `${result.stdout}${result.stderr}`;
  if (isDiskFull(output)) throw diskFull(inputs.folder);
  const log = join(compiler.logFolder, "link.log");
  await env.fs.makeDir(compiler.logFolder);
  await env.fs.writeAtomic(log, `${result.command}\n${output}`);
  throw new TurboSparseError({
    code: "TS4106",
    exit: "failed",
    message: `${libraryFile} could not be linked: ${firstError(output) ?? "the linker printed no error"}`,
    hint: `The whole output is in ${log}.`,
  });
}

/** NVIDIA's wheels keep the runtime in lib, its packages in targets/x86_64-linux/lib, others in lib64. */
async function cudaLibraryFolders({ env, toolchain }: UnitCompiler): Promise<string[]> {
  const root = join(await env.fs.realPath(toolchain.nvcc.path), "..", "..");
  return ["lib", "targets/x86_64-linux/lib", "lib64"].map((folder) => join(root, folder));
}
