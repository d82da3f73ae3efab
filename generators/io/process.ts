import { execa } from "execa";
import type { RunOptions, RunProcess, RunResult } from "./env.ts";

/**
 * Runs programs, each in a process group of its own: nvcc starts cicc and ptxas, and a timeout or Ctrl+C must end them
 * all. SIGKILL, because their temporary files lie in folders that the caller removes.
 */
export function createRunProcess(vars: Readonly<Record<string, string | undefined>>, signal: AbortSignal): RunProcess {
  return async (file, args, options = {}) => {
    signal.throwIfAborted();
    const startedAt = performance.now();
    const subprocess = execa(file, args, {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...vars, ...options.env },
      extendEnv: false,
      detached: true,
      stdin: "ignore",
      reject: false,
      stripFinalNewline: false,
    });
    let timedOut = false;
    const killGroup = (): void => killProcessGroup(subprocess.pid);
    const timer = setTimer(options, () => {
      timedOut = true;
      killGroup();
    });
    signal.addEventListener("abort", killGroup, { once: true });
    try {
      const result = await subprocess;
      signal.throwIfAborted();
      return {
        command: result.command,
        exitCode: result.exitCode,
        signal: result.signal,
        spawnError: subprocess.pid === undefined ? (result.originalMessage ?? "could not be started") : undefined,
        timedOut,
        stdout: result.stdout ?? "",
        stderr: result.stderr ?? "",
        durationMs: performance.now() - startedAt,
      } satisfies RunResult;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", killGroup);
    }
  };
}

function setTimer(options: RunOptions, onTimeout: () => void): NodeJS.Timeout | undefined {
  return options.timeoutMs === undefined ? undefined : setTimeout(onTimeout, options.timeoutMs);
}

function killProcessGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // The whole group has ended by itself.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
