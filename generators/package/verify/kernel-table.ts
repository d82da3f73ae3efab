import { formatTable } from "../format.ts";
import type { Manifest } from "../manifest-schema.ts";

/** The kernels of a wheel with what each takes of a multiprocessor; `-` is what only the driver will know. */
export function kernelTable(kernels: Manifest["kernels"]): string {
  return formatTable([
    [
      "kernel",
      "registers",
      "spill bytes",
      "threads",
      "stages",
      "static shared",
      "dynamic shared",
      "blocks/SM",
      "warps",
    ],
    ...kernels.map((kernel) => [
      kernel.name,
      cell(kernel.registers),
      cell(kernel.spillBytes),
      cell(kernel.threads),
      cell(kernel.stages),
      cell(kernel.staticSharedBytes),
      cell(kernel.dynamicSharedBytes),
      cell(kernel.blocksPerMultiprocessor),
      kernel.occupancy === null ? "-" : `${Math.round(100 * kernel.occupancy)}%`,
    ]),
  ]);
}

const cell = (value: number | null): string => (value === null ? "-" : String(value));
