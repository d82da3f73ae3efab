import type { Arch } from "../plan/types.ts";
import type { External } from "./external.ts";
import { includeRoot } from "./includes.ts";

/** Whether functions without an attribute of their own can be seen from outside of a library. */
export type Visibility = "hidden" | "default";

/** Flags of every unit. `--objdir-as-tempdir` keeps the names of temporary files out of the objects. */
export const commonFlags = [
  "-std=c++17",
  "-O3",
  "-DNDEBUG",
  "--objdir-as-tempdir",
  "-Xcompiler",
  "-fPIC,-fvisibility=hidden",
  "-Xptxas",
  "-v",
  `-I${includeRoot}`,
] as const;

/** Flags of one unit. nvcc derives the names of anonymous namespaces from the absolute path unless told another. */
export function unitFlags(
  path: string,
  archs: readonly Arch[],
  external: readonly External[],
  visibility: Visibility = "hidden",
): string[] {
  return [
    ...commonFlags,
    ...archs.flatMap((arch) => ["-gencode", gencode(arch)]),
    ...(archs.length === 0 ? [] : ["-Xcudafe", `--orig_src_path_name,${path}`]),
    ...external.map(({ folder }) => `-I${folder}`),
    // The last one counts.
    ...(visibility === "hidden" ? [] : ["-Xcompiler", `-fvisibility=${visibility}`]),
  ];
}

/** Machine code for `sm_*`, PTX only for `compute_*`. */
function gencode(arch: Arch): string {
  const virtual = arch.replace("sm_", "compute_");
  return `arch=${virtual},code=${arch}`;
}

/**
 * Flags of the link. libstdc++, libgcc and the CUDA runtime are linked in so that a library depends on nothing but glibc
 * and, where its bindings need it, libtvm_ffi; only the exports of its definition stay visible.
 */
export const linkFlags = [
  "-shared",
  "-static-libstdc++",
  "-static-libgcc",
  "-Wl,--build-id=none",
  "-Wl,--exclude-libs=ALL",
  "-Wl,--version-script=exports.map",
  "-Wl,--no-undefined",
  "-Wl,--as-needed",
  // Without what nothing refers to, the static libstdc++ asks for an older glibc.
  "-Wl,--gc-sections",
  "-Wl,-z,relro,-z,now",
  "-Wl,-s",
] as const;
