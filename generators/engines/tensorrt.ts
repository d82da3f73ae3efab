import type { EngineDefinition } from "./types.ts";

/** IPluginV3 creators in a library that TensorRT loads by itself: nothing of it is Python. */
export const tensorrt: EngineDefinition = {
  name: "tensorrt",
  product: "TensorRT plugins in a shared library",
  library: "tensorrt",
  entryPoints: {},
};
