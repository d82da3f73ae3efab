import type { LibraryName } from "../engines/types.ts";
import type { Visibility } from "./flags.ts";

/** A library that a build can link from its kernels, the launchers and one engine's bindings. */
export interface LibraryDefinition {
  /** Name of the file. */
  readonly file: string;
  /** Name of a static library of the same objects, where there is one. */
  readonly archive?: string;
  /** Folder whose sources, without those of its sub-folders, are its bindings; undefined for the launchers alone. */
  readonly bindings: string | undefined;
  /** Of the launchers' functions: callers from outside need them visible. */
  readonly launchers: Visibility;
  /** Linker version script: what the library shows. */
  readonly exports: string;
}

/** Folder that holds the bindings of all engines. */
export const bindingsRoot = "kernels/bindings";

/** How the names of the functions in operators.h begin. */
const operators = [
  "predict",
  "ffn",
  "gate_first",
  "pack_",
  "activate",
  "group_tokens",
  "sum_slots",
  "add_rms_norm",
  "built_kernels",
];

const versionScript = (shown: string): string => `{\n  global: ${shown}\n  local: *;\n};\n`;

export const libraries: Readonly<Record<LibraryName, LibraryDefinition>> = {
  python: {
    file: "libturbosparse.so",
    bindings: bindingsRoot,
    launchers: "hidden",
    exports: versionScript("__tvm_ffi_*;"),
  },
  tensorrt: {
    file: "libturbosparse_trt.so",
    bindings: `${bindingsRoot}/tensorrt`,
    launchers: "hidden",
    exports: versionScript("getCreators; setLoggerFinder;"),
  },
  cpp: {
    file: "libturbosparse.so",
    archive: "libturbosparse.a",
    bindings: undefined,
    launchers: "default",
    exports: versionScript(`extern "C++" { ${operators.map((name) => `turbosparse::${name}*;`).join(" ")} };`),
  },
};
