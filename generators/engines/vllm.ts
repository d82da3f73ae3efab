import type { EngineDefinition } from "./types.ts";

/** The wheel's torch operators, which vLLM and any other PyTorch server can call. */
export const vllm: EngineDefinition = { name: "vllm", product: "torch operators in a Python wheel" };
