import { cacheRoot } from "../../compile/cache/location.ts";
import { findEntry } from "../../compile/cache/store.ts";
import { tensorRtCrate } from "../../compile/toolchain/pins.ts";
import { findProgram } from "../../compile/toolchain/program.ts";
import { availableTensorRtHeaders, probeHeaders } from "../../compile/toolchain/tensorrt.ts";
import type { Env } from "../../io/env.ts";
import type { Finding } from "./examine.ts";

/** Where a build for TensorRT would take the headers from, in the order of `findTensorRtHeaders`. */
export async function tensorRtHeaders(env: Env): Promise<Omit<Finding, "name">> {
  const configured = env.vars.TENSORRT_INCLUDE;
  if (configured) {
    const probe = await probeHeaders(env, configured);
    const detail = probe.ok ? `${probe.value.version} of TENSORRT_INCLUDE: ${configured}` : probe.reason;
    return { ok: probe.ok, detail };
  }
  const root = cacheRoot(env);
  const kept = await availableTensorRtHeaders(env, (kind, key) => findEntry(env.fs, root, kind, key));
  if (kept !== undefined) return { ok: true, detail: `${kept.version} in the cache` };
  const { name, tensorRtVersion } = tensorRtCrate;
  return (await findProgram(env, "cargo")) === undefined
    ? { ok: false, detail: "TENSORRT_INCLUDE is not set, and cargo was not found; only --engine tensorrt needs them" }
    : { ok: true, detail: `${tensorRtVersion} of the crate ${name}, which a build for TensorRT gets by cargo` };
}
