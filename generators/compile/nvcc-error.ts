// nvcc and cicc write `file(12): error: …`, g++ `file:12:3: error: …`, ptxas and the drivers `ptxas fatal : …`.
const diagnostic = /^(?:.*\(\d+\): (?:catastrophic )?error.*|[^\s:]+:\d+(?::\d+)?: (?:fatal )?error: .*)$/m;
const toolFailure =
  /^(?:.*undefined (?:reference|symbol).*|(?:ptxas|nvcc|cicc|fatbinary|\S*\bg\+\+|\S*\bld)\b.*(?:fatal|error).*)$/m;
const anything = /^.*error.*$/im;

/** The first line that says what went wrong, by the formats of the tools that nvcc runs; undefined if none does. */
export function firstError(output: string): string | undefined {
  for (const pattern of [diagnostic, toolFailure, anything]) {
    const found = pattern.exec(output)?.[0];
    if (found !== undefined) return found.trim();
  }
  return undefined;
}

/** Whether the kernel or a memory limit ended the compiler: nvcc passes on 137 or names signal 9. */
export function wasKilled(result: {
  exitCode: number | undefined;
  signal: string | undefined;
  stderr: string;
}): boolean {
  return result.exitCode === 137 || result.signal === "SIGKILL" || /died due to signal 9\b/.test(result.stderr);
}

/** Whether a tool failed because a file system is full. */
export function isDiskFull(output: string): boolean {
  return /No space left on device|Disk quota exceeded/i.test(output);
}
