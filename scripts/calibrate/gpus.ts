import type { MeasuredGpu } from "../../generators/plan/cost/types.ts";
import { type Arch, archs } from "../../generators/plan/types.ts";

/** A bench record, as far as a fit needs it. */
export interface SourceRecord extends MeasuredGpu {
  readonly archs: readonly string[];
}

export interface GpuRecords {
  readonly arch: Arch;
  readonly measured: MeasuredGpu;
}

/** One entry a GPU, in the order of the records. Records of other kernels than today's would calibrate a mixture, so none may differ. */
export function groupByGpu(records: readonly SourceRecord[]): GpuRecords[] {
  const gpus = [...new Set(records.map(({ gpu }) => gpu))];
  return gpus.map((gpu) => {
    const own = records.filter((record) => record.gpu === gpu);
    return {
      arch: only(`architecture of the kernels on ${gpu}`, own.flatMap(nativeArchs)),
      measured: {
        gpu,
        sourcesSha256: only(
          `digest of kernel sources on ${gpu}`,
          own.map(({ sourcesSha256 }) => sourcesSha256),
        ),
        copyGigabytesPerSecond: Math.max(...own.map((record) => record.copyGigabytesPerSecond)),
        results: own.flatMap(({ results }) => results),
      },
    };
  });
}

/** PTX in a wheel is passed over where there is code for the GPU itself. */
function nativeArchs(record: SourceRecord): Arch[] {
  const known = archs.filter((arch) => record.archs.includes(arch));
  const native = known.filter((arch) => !arch.startsWith("compute_"));
  return native.length > 0 ? native : known;
}

function only<T extends string>(what: string, values: readonly T[]): T {
  const [value, ...others] = [...new Set(values)];
  if (value !== undefined && others.length === 0) return value;
  throw new Error(`Expected one ${what}, found ${values.length === 0 ? "none" : [value, ...others].join(", ")}.`);
}
