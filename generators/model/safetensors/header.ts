import { modelError, reasonOf } from "../error.ts";
import { duplicateKey } from "./duplicate-key.ts";

/** One tensor as a safetensors header describes it. */
export interface TensorInfo {
  /** As written in the header, for example `BF16`. */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** The format's own limit; a larger length means that the file is something else. */
export const maxHeaderBytes = 100_000_000;
export const lengthBytes = 8;

const bytesOf: ReadonlyMap<string, number> = new Map([
  ...["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"].map((dtype) => [dtype, 1] as const),
  ...["U16", "I16", "F16", "BF16"].map((dtype) => [dtype, 2] as const),
  ...["U32", "I32", "F32"].map((dtype) => [dtype, 4] as const),
  ...["U64", "I64", "F64", "C64"].map((dtype) => [dtype, 8] as const),
]);

/** Length of the JSON header, from the file's first eight bytes. `file` is the name for errors. */
export function headerLength(prefix: Uint8Array, fileBytes: number, file: string): number {
  if (prefix.byteLength < lengthBytes) {
    throw broken(file, `the file ends after ${prefix.byteLength} bytes, before its header`);
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, lengthBytes).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) {
    throw broken(file, `its header claims ${length} bytes, more than the format's ${maxHeaderBytes}`);
  }
  if (length > BigInt(fileBytes - lengthBytes)) {
    throw broken(file, `its header claims ${length} bytes, but the file has ${fileBytes}`);
  }
  return Number(length);
}

/** `dataBytes` is what the file holds after the header: the tensors must fill it without a gap or an overlap. */
export function parseHeader(bytes: Uint8Array, dataBytes: number, file: string): ReadonlyMap<string, TensorInfo> {
  let text: string;
  let entries: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    entries = JSON.parse(text);
  } catch (error) {
    throw broken(file, `its header is not JSON (${reasonOf(error)})`);
  }
  if (typeof entries !== "object" || entries === null || Array.isArray(entries)) {
    throw broken(file, "its header is not a JSON object");
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) throw broken(file, `its header lists tensor ${twice} twice`);

  const tensors = new Map<string, TensorInfo>();
  const spans: Span[] = [];
  for (const [name, entry] of Object.entries(entries)) {
    if (name === "__metadata__") continue;
    const { info, begin, end } = parseEntry(name, entry, file);
    tensors.set(name, info);
    spans.push({ name, begin, end });
  }
  checkSpans(spans, dataBytes, file);
  return tensors;
}

interface Span {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

function parseEntry(name: string, entry: unknown, file: string): { info: TensorInfo; begin: number; end: number } {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (typeof dtype !== "string" || !isSizes(shape) || !isSizes(offsets) || offsets.length !== 2) {
    throw broken(file, `the entry of tensor ${name} lacks a valid dtype, shape or data_offsets`);
  }
  const size = bytesOf.get(dtype);
  if (size === undefined) throw broken(file, `tensor ${name} has the unknown dtype ${dtype}`);
  const [begin = 0, end = 0] = offsets;
  const expected = shape.reduce((product, length) => product * length, size);
  if (end - begin !== expected) {
    const held = `${dtype} [${shape.join(", ")}] takes ${expected} bytes`;
    throw broken(file, `the offsets of tensor ${name} span ${end - begin} bytes, but ${held}`);
  }
  return { info: { dtype, shape }, begin, end };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function checkSpans(spans: Span[], dataBytes: number, file: string): void {
  spans.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let filled = 0;
  for (const { name, begin, end } of spans) {
    if (end > dataBytes) {
      throw broken(file, `tensor ${name} ends at byte ${end} of its data, but the file holds ${dataBytes}`);
    }
    if (begin < filled) throw broken(file, `tensor ${name} overlaps the tensor before it`);
    if (begin > filled) throw broken(file, `${begin - filled} bytes before tensor ${name} belong to no tensor`);
    filled = end;
  }
  if (filled < dataBytes) throw broken(file, `${dataBytes - filled} bytes after the last tensor belong to no tensor`);
}

function broken(file: string, what: string) {
  return modelError("TS2102", `${file} is damaged: ${what}.`, "Download the file again.");
}
