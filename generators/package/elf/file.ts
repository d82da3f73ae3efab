/** A part of a 64-bit little-endian ELF file, by section header. */
export interface ElfSection {
  readonly name: string;
  readonly type: number;
  readonly link: number;
  readonly entrySize: number;
  readonly content: Uint8Array;
}

/** Values of `sh_type` that are read here. */
export const SectionType = { noBits: 8, dynamic: 6, dynamicSymbols: 11, versionNeed: 0x6ffffffe } as const;

const headerSize = 64;
const magic = 0x464c457f;

/** Splits an x86-64 ELF file into sections. Throws an `Error` with a sentence when it is none or is cut short. */
export function readElf(bytes: Uint8Array): ElfSection[] {
  const view = viewOf(bytes);
  if (bytes.length < headerSize || view.getUint32(0, true) !== magic) throw new Error("it is not an ELF file");
  if (bytes[4] !== 2 || bytes[5] !== 1 || view.getUint16(18, true) !== 62) throw new Error("it is not for x86-64");
  const table = Number(view.getBigUint64(40, true));
  const [size, count, namesIndex] = [58, 60, 62].map((offset) => view.getUint16(offset, true)) as [
    number,
    number,
    number,
  ];
  if (table + size * count > bytes.length) throw new Error("it ends before its section headers");
  const raw = Array.from({ length: count }, (_, index) => rawSection(bytes, view, table + index * size));
  const names = raw[namesIndex]?.content ?? new Uint8Array();
  return raw.map(({ nameOffset, ...section }) => ({ ...section, name: textAt(names, nameOffset) }));
}

function rawSection(bytes: Uint8Array, view: DataView, at: number): Omit<ElfSection, "name"> & { nameOffset: number } {
  const type = view.getUint32(at + 4, true);
  const offset = Number(view.getBigUint64(at + 24, true));
  const size = type === SectionType.noBits ? 0 : Number(view.getBigUint64(at + 32, true));
  if (offset + size > bytes.length) throw new Error("it ends before its sections");
  return {
    nameOffset: view.getUint32(at, true),
    type,
    link: view.getUint32(at + 40, true),
    entrySize: Number(view.getBigUint64(at + 56, true)),
    content: bytes.subarray(offset, offset + size),
  };
}

/** The zero-terminated text at an offset of a string table. */
export function textAt(table: Uint8Array, offset: number): string {
  const end = table.indexOf(0, offset);
  return Buffer.from(table.subarray(offset, end === -1 ? table.length : end)).toString("latin1");
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
