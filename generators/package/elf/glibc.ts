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

/** The wheel's platform tag for a floor. */
export function platformTag(floor: GlibcVersion): string {
  return `manylinux_${floor.major}_${floor.minor}_x86_64`;
}
