import { instanceName } from "../plan/names.ts";
import type {
  FfnStreamInstance,
  KernelInstance,
  RowGemmInstance,
  SupportInstance,
  UnionDownInstance,
} from "../plan/types.ts";
import type {
  FfnStreamInstancesContext,
  RowGemmInstancesContext,
  SupportInstancesContext,
  UnionDownInstancesContext,
} from "./contexts.ts";
import { cIdent, cInt, cType, type Rendered } from "./formatters.ts";
import { supportFunction, supportKernels } from "./support-kernels.ts";

const elements = { bf16: "__nv_bfloat16", fp16: "__half" } as const;

/** `ffn_stream_sm90a_bf16` as the name of a struct: `FfnStreamSm90aBf16`. */
export function configName(instance: KernelInstance): string {
  return instanceName(instance)
    .split("_")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}

function identity(instance: KernelInstance): { config: Rendered; element: Rendered; name: Rendered } {
  return {
    config: cIdent(configName(instance)),
    element: cType(elements[instance.dtype]),
    name: cIdent(instanceName(instance)),
  };
}

export function ffnStreamContext(instance: FfnStreamInstance): FfnStreamInstancesContext {
  return {
    ...identity(instance),
    hidden: cInt(instance.hidden),
    activation: cIdent(instance.activation),
    experts: cInt(instance.experts),
    tokens: cInt(instance.tokens),
    rows: cInt(instance.rows),
    threads: cInt(instance.threads),
    stages: cInt(instance.stages),
    pipe: cIdent(instance.pipe),
  };
}

export function rowGemmContext(instance: RowGemmInstance): RowGemmInstancesContext {
  return {
    ...identity(instance),
    weight: cType(instance.weightBits === 8 ? "std::int8_t" : "Element"),
    role: cIdent(instance.role),
    depth: cInt(instance.depth),
    activation: cIdent(instance.activation),
    experts: cInt(instance.experts),
    tokens: cInt(instance.tokens),
    tiles: cInt(instance.tiles),
    warps: cInt(instance.warps),
    producers: cInt(instance.producers),
    chunk: cInt(instance.chunk),
    ringBytes: cInt(instance.ringBytes),
    matrixOp: cIdent(instance.matrixOp),
    cluster: cInt(instance.cluster),
  };
}

export function unionDownContext(instance: UnionDownInstance): UnionDownInstancesContext {
  return {
    ...identity(instance),
    hidden: cInt(instance.hidden),
    experts: cInt(instance.experts),
    tokens: cInt(instance.tokens),
    warps: cInt(instance.warps),
    producers: cInt(instance.producers),
    columns: cInt(instance.columns),
    chunk: cInt(instance.chunk),
    stages: cInt(instance.stages),
    matrixOp: cIdent(instance.matrixOp),
  };
}

export function supportContext(instance: SupportInstance): SupportInstancesContext {
  const { config, element } = identity(instance);
  return {
    config,
    element,
    kernels: supportKernels.map((kernel) => ({
      config,
      launcher: cIdent(`launch_${kernel.stem}`),
      args: cType(kernel.args),
      name: cIdent(supportFunction(kernel, instance)),
    })),
  };
}
