const elfMagic = 0x464c457f;
const relocatable = 1;
const x86_64 = 62;

/** Whether the bytes are a whole x86-64 ELF object: a compiler that was cut short leaves less. */
export function isRelocatableObject(bytes: Uint8Array): boolean {
  if (bytes.length < 64) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== elfMagic) return false;
  if (view.getUint16(16, true) !== relocatable || view.getUint16(18, true) !== x86_64) return false;
  const tableEnd = Number(view.getBigUint64(40, true)) + view.getUint16(58, true) * view.getUint16(60, true);
  return tableEnd <= bytes.length;
}
