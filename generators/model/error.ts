import { TurboSparseError } from "../errors.ts";

/** A fault of a model folder or of what was said about a model. */
export function modelError(code: string, message: string, hint?: string, cause?: unknown): TurboSparseError {
  return new TurboSparseError({ code, exit: "usage", message, ...(hint === undefined ? {} : { hint }), cause });
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
