import type { EngineDefinition } from "./types.ts";

/** The wheel's adapter, and its torch operators, which any other PyTorch server can call too. */
export const vllm: EngineDefinition = {
  name: "vllm",
  product: "torch operators in a Python wheel",
  library: "python",
  entryPoints: { "vllm.general_plugins": "turbosparse = turbosparse.vllm:register" },
};
