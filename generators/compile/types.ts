import type { Arch } from "../plan/types.ts";
import type { FileSet } from "../render/types.ts";
import type { ExternalName } from "./external.ts";

/** One translation unit with everything that decides its object's bytes, the compilers aside. */
export interface Unit {
  /** Path of the source, `kernels/….cu` or `.cc`; nvcc writes it into the object. */
  readonly path: string;
  /** Architectures of its device code; empty for host code. */
  readonly archs: readonly Arch[];
  /** The source and every header of this package that it reaches, by path. Nothing else is there when it compiles. */
  readonly files: FileSet;
  /** Other projects whose headers it includes. */
  readonly external: readonly ExternalName[];
  /** nvcc flags, free of absolute paths. */
  readonly flags: readonly string[];
}

/** What ptxas reports of one kernel on one architecture. */
export interface KernelResources {
  /** Mangled name. */
  readonly symbol: string;
  /** As ptxas names it, for example `sm_90a`. */
  readonly arch: string;
  readonly registers: number;
  readonly spillBytes: number;
  readonly stackBytes: number;
  readonly staticSharedBytes: number;
  /** Each wgmma waits for the one before, because ptxas could not tell that they may overlap. */
  readonly serialized: boolean;
}

/** Shows one step's progress; `note` is a line that stays. */
export interface CompileProgress {
  task<T>(title: string, work: (update: (detail: string) => void) => Promise<T>): Promise<T>;
  note(text: string): void;
}

/** The linked library and how it came about. */
export interface CompiledLibrary {
  readonly key: string;
  readonly bytes: Uint8Array;
  /** The static library of the same objects, where the definition has one. */
  readonly archive: Uint8Array | undefined;
  /** Of all units, sorted by symbol and architecture. */
  readonly resources: readonly KernelResources[];
  readonly compiledUnits: number;
  readonly reusedUnits: number;
  /** Time during which at least one compiler or linker ran. */
  readonly toolMs: number;
}
