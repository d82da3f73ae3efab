import { dynamicInfo } from "./dynamic.ts";
import { readElf } from "./file.ts";

/** A glibc release. */
export interface GlibcVersion {
  readonly major: number;
  readonly minor: number;
}

/** The newest glibc release among symbol versions such as `GLIBC_2.34`: the oldest system the library loads on. */
export function glibcFloor(versions: readonly string[]): GlibcVersion | undefined {
  return versions
    .map((version) => /^GLIBC_(\d+)\.(\d+)(?:\.\d+)?$/.exec(version))
    .filter((match) => match !== null)
    .map((match) => ({ major: Number(match[1]), minor: Number(match[2]) }))
    .reduce<GlibcVersion | undefined>(
      (newest, version) => (newest === undefined || isNewer(version, newest) ? version : newest),
      undefined,
    );
}

function isNewer(a: GlibcVersion, b: GlibcVersion): boolean {
  return a.major > b.major || (a.major === b.major && a.minor > b.minor);
}

/** That of a linked library. */
export function libraryGlibc(library: Uint8Array): GlibcVersion {
  const floor = glibcFloor(dynamicInfo(readElf(library)).versions);
  if (floor === undefined) throw new Error("The linked library asks for no version of glibc.");
  return floor;
}

/** The wheel's platform tag for a floor. */
export function platformTag(floor: GlibcVersion): string {
  return `manylinux_${floor.major}_${floor.minor}_x86_64`;
}
