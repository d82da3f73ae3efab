import { type ElfSection, viewOf } from "./file.ts";

/**
 * The section in which nvcc embeds device code: containers of a 16-byte header (magic, version, header size, size) and
 * entries of a header (kind, header size, payload size, architecture, flags) and a payload. NVIDIA does not document
 * the format; the offsets were read off nvcc 13.0's output for every architecture that is built.
 */
const sectionName = ".nv_fatbin";
const magic = 0xba55ed50;
const kindPtx = 1;
const kindElf = 2;
/** Flag of code for one architecture only, the `a` of `sm_90a`. */
const archSpecific = 1 << 20;

/** The architectures of all device code in a library, such as `sm_90a` or `compute_80`, sorted and unique. */
export function deviceArchs(sections: readonly ElfSection[]): string[] {
  const archs = new Set<string>();
  for (const section of sections.filter(({ name }) => name === sectionName)) {
    const view = viewOf(section.content);
    for (let at = 0; at + 16 <= section.content.length; ) {
      if (view.getUint32(at, true) !== magic) {
        // Containers are aligned to 8 bytes.
        at += 8;
        continue;
      }
      const start = at + view.getUint16(at + 6, true);
      const end = start + Number(view.getBigUint64(at + 8, true));
      if (end > section.content.length) throw new Error(`its ${sectionName} section is cut short`);
      for (const arch of containerArchs(view, start, end)) archs.add(arch);
      at = end;
    }
  }
  return [...archs].sort();
}

function* containerArchs(view: DataView, start: number, end: number): Generator<string> {
  for (let at = start; at + 64 <= end; ) {
    const kind = view.getUint16(at, true);
    if (kind !== kindPtx && kind !== kindElf)
      throw new Error(`its ${sectionName} section holds code of an unknown kind`);
    const suffix = (view.getUint32(at + 40, true) & archSpecific) === 0 ? "" : "a";
    yield `${kind === kindPtx ? "compute" : "sm"}_${view.getUint32(at + 28, true)}${suffix}`;
    at += view.getUint32(at + 4, true) + Number(view.getBigUint64(at + 8, true));
  }
}
