import type { DynamicInfo } from "../elf/dynamic.ts";
import { glibcFloor, platformTag } from "../elf/glibc.ts";
import type { Manifest } from "../manifest-schema.ts";
import { wheelName } from "../wheel/metadata.ts";

/** What the loader and the driver see of the library in a wheel. */
export interface LibraryFacts {
  readonly sha256: string;
  readonly bytes: number;
  readonly dynamic: DynamicInfo;
  /** Architectures of the device code. */
  readonly archs: readonly string[];
}

/** Libraries the wheel may ask for: glibc's own, and tvm-ffi, which the metadata requires. */
const permitted = new Set([
  "libtvm_ffi.so",
  "libc.so.6",
  "libm.so.6",
  "libdl.so.2",
  "librt.so.1",
  "libpthread.so.0",
  "ld-linux-x86-64.so.2",
]);

/** The operators of docs/architecture.md, as tvm-ffi names their symbols. */
const operators = [
  "pack_mask",
  "predict",
  "ffn",
  "gate_first",
  "pack_logits",
  "activate",
  "group_tokens",
  "sum_slots",
  "add_rms_norm",
  "workspace_bytes",
  "built_kernels",
];
const exportPrefix = "__tvm_ffi_";

/** Where the library contradicts the manifest, one sentence each. */
export function manifestProblems(facts: LibraryFacts, manifest: Manifest): string[] {
  const problems: string[] = [];
  const { library } = manifest;
  if (facts.bytes !== library.bytes) {
    problems.push(`${library.path} has ${facts.bytes} bytes, the manifest says ${library.bytes}`);
  }
  if (facts.sha256 !== library.sha256) problems.push(`${library.path} does not have the SHA-256 of the manifest`);
  for (const arch of manifest.archs.filter((arch) => !facts.archs.includes(arch))) {
    problems.push(`the manifest lists ${arch}, but ${library.path} holds no code for it`);
  }
  for (const arch of facts.archs.filter((arch) => !manifest.archs.some((listed) => listed === arch))) {
    problems.push(`${library.path} holds code for ${arch}, which the manifest does not list`);
  }
  for (const { name, registers } of manifest.kernels.filter((kernel) => !isPtx(kernel))) {
    if (registers === null) problems.push(`the manifest has no register count for ${name}`);
  }
  return problems;
}

const isPtx = (kernel: Manifest["kernels"][number]): boolean => String(kernel.parameters.arch).startsWith("compute_");

/** What the library asks for or shows that a wheel of this package must not, one sentence each. */
export function loaderProblems({ dynamic }: LibraryFacts, path: string): string[] {
  const { needed, exported, undefinedSymbols, searchPaths } = dynamic;
  const problems = needed
    .filter((name) => !permitted.has(name))
    .map((name) => `${path} needs ${name} at run time, which the wheel may not rely on`);
  for (const searchPath of searchPaths) problems.push(`${path} looks for libraries in ${searchPath}`);
  for (const operator of operators.filter((name) => !exported.includes(exportPrefix + name))) {
    problems.push(`${path} does not export the operator ${operator}`);
  }
  for (const symbol of exported.filter((name) => !name.startsWith(exportPrefix))) {
    problems.push(`${path} exports ${symbol}, which is not a tvm-ffi function`);
  }
  for (const symbol of undefinedSymbols.filter((name) => /^_ZNK?(?:2at|3c10|5torch)/.test(name))) {
    problems.push(`${path} refers to ${symbol}, a symbol of torch`);
  }
  return problems;
}

/** Whether the file name, the WHEEL file and the library agree on the platform. */
export function platformProblems(facts: LibraryFacts, fileName: string, version: string, wheelText: string): string[] {
  const floor = glibcFloor(facts.dynamic.versions);
  if (floor === undefined) return ["the library asks for no version of glibc"];
  const platform = platformTag(floor);
  const problems: string[] = [];
  if (fileName !== wheelName(version, platform)) {
    problems.push(`the file should be called ${wheelName(version, platform)}: that is what the library needs`);
  }
  const tags = wheelText.split("\n").filter((line) => line.startsWith("Tag: "));
  if (tags.length !== 1 || tags[0] !== `Tag: py3-none-${platform}`) {
    problems.push(`WHEEL says ${tags.join(" and ") || "no tag"}, the library needs py3-none-${platform}`);
  }
  return problems;
}
