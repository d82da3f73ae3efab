import type { EngineDefinition } from "./types.ts";

/** The operators for programs that call them from C++. */
export const cpp: EngineDefinition = {
  name: "cpp",
  product: "headers, libraries and a CMake package",
  library: "cpp",
  entryPoints: {},
};
