import type { Rendered } from "./formatters.ts";

// Made from templates/*.hbs by scripts/template-contexts.mjs.
export interface DispatchTablesEntriesContext {
  readonly activation: Rendered;
  readonly arch: Rendered;
  readonly args: Rendered;
  readonly depth: Rendered;
  readonly dtype: Rendered;
  readonly experts: Rendered;
  readonly launch: Rendered;
  readonly name: Rendered;
  readonly role: Rendered;
  readonly tokens: Rendered;
  readonly weightBits: Rendered;
}

export interface DispatchTablesContext {
  readonly args: Rendered;
  readonly array: Rendered;
  readonly count: Rendered;
  readonly entries: readonly DispatchTablesEntriesContext[];
  readonly table: Rendered;
}

export interface DispatchContext {
  readonly tables: readonly DispatchTablesContext[];
}

export interface FfnStreamInstancesContext {
  readonly activation: Rendered;
  readonly config: Rendered;
  readonly element: Rendered;
  readonly experts: Rendered;
  readonly hidden: Rendered;
  readonly name: Rendered;
  readonly pipe: Rendered;
  readonly rows: Rendered;
  readonly stages: Rendered;
  readonly threads: Rendered;
  readonly tokens: Rendered;
}

export interface FfnStreamContext {
  readonly instances: readonly FfnStreamInstancesContext[];
}

export interface RowGemmInstancesContext {
  readonly activation: Rendered;
  readonly chunk: Rendered;
  readonly cluster: Rendered;
  readonly config: Rendered;
  readonly depth: Rendered;
  readonly element: Rendered;
  readonly experts: Rendered;
  readonly matrixOp: Rendered;
  readonly name: Rendered;
  readonly producers: Rendered;
  readonly ringBytes: Rendered;
  readonly role: Rendered;
  readonly tiles: Rendered;
  readonly tokens: Rendered;
  readonly warps: Rendered;
  readonly weight: Rendered;
}

export interface RowGemmContext {
  readonly instances: readonly RowGemmInstancesContext[];
}

export interface SupportInstancesKernelsContext {
  readonly args: Rendered;
  readonly config: Rendered;
  readonly launcher: Rendered;
  readonly name: Rendered;
}

export interface SupportInstancesContext {
  readonly config: Rendered;
  readonly element: Rendered;
  readonly kernels: readonly SupportInstancesKernelsContext[];
}

export interface SupportContext {
  readonly instances: readonly SupportInstancesContext[];
}

export interface UnionDownInstancesContext {
  readonly chunk: Rendered;
  readonly columns: Rendered;
  readonly config: Rendered;
  readonly element: Rendered;
  readonly experts: Rendered;
  readonly hidden: Rendered;
  readonly matrixOp: Rendered;
  readonly name: Rendered;
  readonly producers: Rendered;
  readonly stages: Rendered;
  readonly tokens: Rendered;
  readonly warps: Rendered;
}

export interface UnionDownContext {
  readonly instances: readonly UnionDownInstancesContext[];
}

export interface TemplateContexts {
  readonly "dispatch.cu.hbs": DispatchContext;
  readonly "ffn_stream.cu.hbs": FfnStreamContext;
  readonly "row_gemm.cu.hbs": RowGemmContext;
  readonly "support.cu.hbs": SupportContext;
  readonly "union_down.cu.hbs": UnionDownContext;
}
