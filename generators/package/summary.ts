import { counted } from "../counted.ts";
import { formatBytes, formatSeconds, formatTable } from "./format.ts";
import type { BuildOutcome } from "./outcome.ts";

/** The closing table of a build; `wallMs` is the whole command's time. */
export function summaryText(outcome: BuildOutcome, wallMs: number): string {
  const { wheel, bundles = [], units, kernels } = outcome;
  const artifacts = [...(wheel === undefined ? [] : [wheel]), ...bundles.flatMap(({ libraries }) => libraries)];
  const table = formatTable([
    ["name", "size", "time", "sha256"],
    ...artifacts.map(({ name, bytes, sha256 }) => [name, formatBytes(bytes), formatSeconds(wallMs), sha256]),
  ]);
  const counts = `${counted(kernels, "kernel")} in ${counted(units.compiled + units.reused, "unit")}: ${units.compiled} compiled, ${units.reused} from the cache`;
  return `${table}${counts}\n${timesText(outcome, wallMs)}\n`;
}

/** Where the time went. What is neither the toolchain's nor a compiler's is this program's own. */
function timesText({ toolchainMs, compilerMs }: BuildOutcome, wallMs: number): string {
  const own = ownMs({ toolchainMs, compilerMs }, wallMs);
  const share = ((100 * own) / wallMs).toFixed(1);
  return `toolchain ${formatSeconds(toolchainMs)}, compilers ${formatSeconds(compilerMs)}, all else ${formatSeconds(own)} (${share}%)`;
}

export function ownMs(times: Pick<BuildOutcome, "toolchainMs" | "compilerMs">, wallMs: number): number {
  return Math.max(0, wallMs - times.toolchainMs - times.compilerMs);
}
