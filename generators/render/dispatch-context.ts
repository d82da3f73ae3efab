import type { Activation, WeightDtype } from "../model/types.ts";
import { instanceName } from "../plan/names.ts";
import { type Arch, archs, type Family, type KernelInstance } from "../plan/types.ts";
import type { DispatchContext, DispatchTablesContext, DispatchTablesEntriesContext } from "./contexts.ts";
import { cIdent, cInt, cString, cType } from "./formatters.ts";
import { supportFunction, supportKernels } from "./support-kernels.ts";

/** Enumerators in the order of kernels/include/turbosparse/types.h, by which the tables are sorted. */
const dtypes: readonly WeightDtype[] = ["bf16", "fp16"];
const activations: readonly Activation[] = ["drelu", "reglu"];
const roles = ["none", "whole", "gate_given", "fc1", "select", "gate", "gate_up", "up"] as const;

/** `KernelKey` of kernels/include/turbosparse/dispatch.h. */
interface DispatchKey {
  readonly arch: Arch;
  readonly dtype: WeightDtype;
  readonly weightBits: 8 | 16;
  readonly role: (typeof roles)[number];
  readonly depth: number;
  readonly activation: Activation;
  readonly experts: number;
  readonly tokens: number;
}

interface Entry {
  readonly key: DispatchKey;
  readonly name: string;
  readonly launch: string;
}

/** The key that the launchers look an instance up by. */
export function dispatchKey(instance: KernelInstance): DispatchKey {
  const { arch, dtype } = instance;
  const target = { arch, dtype, weightBits: 16 } as const;
  switch (instance.family) {
    case "ffn_stream": {
      const { hidden, activation, experts, tokens, rows } = instance;
      return { ...target, role: rows === 3 ? "whole" : "gate_given", depth: hidden, activation, experts, tokens };
    }
    case "row_gemm": {
      const { weightBits, role, depth, activation, experts, tokens } = instance;
      return { arch, dtype, weightBits, role, depth, activation, experts, tokens };
    }
    case "union_down": {
      const { hidden, experts, tokens } = instance;
      return { ...target, role: "none", depth: hidden, activation: "drelu", experts, tokens };
    }
    case "support":
      return { ...target, role: "none", depth: 0, activation: "drelu", experts: 1, tokens: 0 };
  }
}

/** The key's fields as numbers, in the order in which C++ declares and compares them. */
function rank(key: DispatchKey): number[] {
  return [
    archs.indexOf(key.arch),
    dtypes.indexOf(key.dtype),
    key.weightBits,
    roles.indexOf(key.role),
    key.depth,
    activations.indexOf(key.activation),
    key.experts,
    key.tokens,
  ];
}

function compareKeys(a: DispatchKey, b: DispatchKey): number {
  const other = rank(b);
  return rank(a).reduce((order, field, i) => order || field - (other[i] ?? 0), 0);
}

function entryContext({ key, name, launch }: Entry, args: string): DispatchTablesEntriesContext {
  return {
    args: cType(args),
    launch: cIdent(launch),
    name: cString(name),
    arch: cIdent(key.arch),
    dtype: cIdent(key.dtype),
    weightBits: cInt(key.weightBits),
    role: cIdent(key.role),
    depth: cInt(key.depth),
    activation: cIdent(key.activation),
    experts: cInt(key.experts),
    tokens: cInt(key.tokens),
  };
}

function table(name: string, args: string, entries: readonly Entry[]): DispatchTablesContext {
  return {
    table: cIdent(`${name}_table`),
    array: cIdent(`${name}_entries`),
    args: cType(args),
    count: cInt(entries.length),
    entries: [...entries].sort((a, b) => compareKeys(a.key, b.key)).map((entry) => entryContext(entry, args)),
  };
}

const entryOf = (instance: KernelInstance, launch = instanceName(instance)): Entry => ({
  key: dispatchKey(instance),
  name: instanceName(instance),
  launch,
});

/** All tables of kernels/include/turbosparse/dispatch.h; those without kernels are empty. */
export function dispatchContext(instances: readonly KernelInstance[]): DispatchContext {
  const entries = (of: Family) => instances.filter(({ family }) => family === of).map((instance) => entryOf(instance));
  const support = instances.filter((instance) => instance.family === "support");
  return {
    tables: [
      table("ffn_stream", "FfnStreamArgs", entries("ffn_stream")),
      table("row_gemm", "RowGemmArgs", entries("row_gemm")),
      table("union_down", "UnionDownArgs", entries("union_down")),
      ...supportKernels.map((kernel) =>
        table(
          kernel.stem,
          kernel.args,
          support.map((instance) => entryOf(instance, supportFunction(kernel, instance))),
        ),
      ),
    ],
  };
}
