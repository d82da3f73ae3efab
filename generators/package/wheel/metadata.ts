import { findEngine } from "../../engines/registry.ts";

/** Distribution name, and name of the Python package. */
const distribution = "turbosparse";

/** The PEP 440 form of a package.json version: `0.2.0-rc.1` is `0.2.0rc1`. */
export function pythonVersion(version: string): string {
  const [, release, phase, number] = /^(\d+\.\d+\.\d+)(?:-(alpha|beta|rc)\.(\d+))?$/.exec(version) ?? [];
  if (release === undefined) throw new Error(`package.json has the version ${version}, which has no PEP 440 form.`);
  return phase === undefined ? release : `${release}${{ alpha: "a", beta: "b", rc: "rc" }[phase]}${number}`;
}

/** File name of the wheel: any Python 3, no Python ABI, one glibc floor. */
export function wheelName(version: string, platform: string): string {
  return `${distribution}-${version}-py3-none-${platform}.whl`;
}

export function distInfo(version: string): string {
  return `${distribution}-${version}.dist-info`;
}

/**
 * METADATA. torch is not among the requirements: the server brings the torch it was built with, and an installer that
 * resolved another one beside it would break the server.
 */
export function metadataText(version: string): string {
  return [
    "Metadata-Version: 2.4",
    `Name: ${distribution}`,
    `Version: ${version}`,
    "Summary: CUDA kernels that serve TurboSparse models with their inactive neurons skipped",
    "License-Expression: Apache-2.0",
    "License-File: LICENSE",
    "Requires-Python: >=3.10",
    "Requires-Dist: apache-tvm-ffi<0.2,>=0.1.9",
    "",
  ].join("\n");
}

/** entry_points.txt: where the servers that the wheel was built for find their adapters. */
export function entryPointsText(engines: readonly string[]): string {
  return engines
    .flatMap((name) => Object.entries(findEngine(name, "manifest.json").entryPoints))
    .map(([group, entryPoint]) => `[${group}]\n${entryPoint}\n`)
    .join("\n");
}

export function wheelText(generatorVersion: string, platform: string): string {
  return [
    "Wheel-Version: 1.0",
    `Generator: turbosparse-plugin ${generatorVersion}`,
    "Root-Is-Purelib: false",
    `Tag: py3-none-${platform}`,
    "",
  ].join("\n");
}
