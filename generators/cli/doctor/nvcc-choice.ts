import { cudaWheels } from "../../compile/toolchain/pins.ts";
import type { Probe } from "../../compile/toolchain/probe.ts";
import type { Nvcc } from "../../compile/toolchain/types.ts";
import type { Finding } from "./examine.ts";

/** What came of looking for nvcc in each place, undefined where it has none. */
export interface NvccPlaces {
  readonly ofHome: Probe<Nvcc> | undefined;
  readonly onPath: Probe<Nvcc> | undefined;
  readonly inCache: Probe<Nvcc> | undefined;
}

/** Which nvcc a build would take, and why, in the order of `findNvcc`. */
export function nvccChoice({ ofHome, onPath, inCache }: NvccPlaces): Omit<Finding, "name"> {
  if (ofHome?.ok === true) return { ok: true, detail: `that of CUDA_HOME, which is set: ${ofHome.value.path}` };
  if (ofHome?.ok === false) return { ok: false, detail: "none: CUDA_HOME is set, but what it names cannot be used" };
  if (onPath?.ok === true) return { ok: true, detail: `that on PATH, as CUDA_HOME is not set: ${onPath.value.path}` };
  const why = "neither CUDA_HOME nor PATH has a usable one";
  if (inCache?.ok === true) return { ok: true, detail: `that in the cache, as ${why}` };
  return { ok: true, detail: `${cudaWheels.version} from PyPI, which a build installs into the cache, as ${why}` };
}
