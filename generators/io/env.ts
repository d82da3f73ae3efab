/**
 * Everything the generator may ask of the world, passed in so that every stage can be tested without a mock framework.
 * Only `generators/io` implements these interfaces.
 */
export interface Env {
  readonly cwd: string;
  readonly vars: Readonly<Record<string, string | undefined>>;
  /** Root of this package: the folder that holds templates/, kernels/ and plugins/. */
  readonly packageRoot: string;
  readonly fs: FileSystem;
  readonly run: RunProcess;
  readonly system: SystemProbe;
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** Aborted on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

export interface TextSink {
  readonly isTTY: boolean;
  readonly columns: number;
  write(text: string): void;
}

export interface FileStat {
  readonly size: number;
  readonly kind: "file" | "directory" | "symlink" | "other";
  readonly mtimeMs: number;
}

/** Paths are absolute. Every method rejects with the plain Node error; callers turn it into a `TurboSparseError`. */
export interface FileSystem {
  readText(path: string): Promise<string>;
  readBytes(path: string): Promise<Uint8Array>;
  /** Reads `length` bytes at `offset`; a shorter result means the file ended. */
  readRange(path: string, offset: number, length: number): Promise<Uint8Array>;
  /** Undefined when nothing is there. */
  stat(path: string): Promise<FileStat | undefined>;
  /** The path with every symbolic link followed; model caches keep their files behind links. */
  realPath(path: string): Promise<string>;
  /** Entry names, sorted. */
  list(path: string): Promise<string[]>;
  /** Paths of all regular files under `path`, relative to it, with `/`, sorted. */
  walk(path: string): Promise<string[]>;
  makeDir(path: string): Promise<void>;
  /** Writes a new file next to `path`, flushes it to disk and renames it over `path`. */
  writeAtomic(path: string, data: string | Uint8Array, mode?: number): Promise<void>;
  /** Creates a fresh directory inside `parent` (same file system, so that it can be renamed into place). */
  makeTempDir(parent: string, prefix: string): Promise<string>;
  /** Rejects with code `EEXIST` or `ENOTEMPTY` when `to` is already there as a non-empty directory. */
  rename(from: string, to: string): Promise<void>;
  copy(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  touch(path: string): Promise<void>;
  isWritable(path: string): Promise<boolean>;
  /** Bytes an unprivileged user may still write on the file system that holds `path`. */
  freeSpace(path: string): Promise<number>;
}

export interface RunOptions {
  readonly cwd?: string;
  /** Added to the environment's variables; undefined removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs?: number;
}

export interface RunResult {
  readonly command: string;
  /** Undefined when the process could not be started or died by a signal. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** Set when the program was not found or not executable. */
  readonly spawnError: string | undefined;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

/** Runs a program without a shell. Never rejects for what the program did: the result says it. Rejects on abort. */
export type RunProcess = (file: string, args: readonly string[], options?: RunOptions) => Promise<RunResult>;

export interface SystemProbe {
  readonly platform: NodeJS.Platform;
  readonly machine: string;
  readonly cpuCount: number;
  /** Free memory in bytes that a new process may use: the smaller of MemAvailable and what the cgroup leaves. */
  availableMemory(): Promise<number>;
}
