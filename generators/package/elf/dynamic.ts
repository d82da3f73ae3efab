import { type ElfSection, SectionType, textAt, viewOf } from "./file.ts";

/** What the dynamic loader sees of a shared library. */
export interface DynamicInfo {
  /** DT_NEEDED, in the file's order. */
  readonly needed: readonly string[];
  /** DT_RPATH and DT_RUNPATH. */
  readonly searchPaths: readonly string[];
  /** Names of symbols that others may bind to, sorted. */
  readonly exported: readonly string[];
  /** Names of symbols that others must provide, sorted. */
  readonly undefinedSymbols: readonly string[];
  /** Symbol versions asked of other libraries, for example `GLIBC_2.34`, sorted. */
  readonly versions: readonly string[];
}

const Tag = { needed: 1, runPath: 29, path: 15 } as const;

export function dynamicInfo(sections: readonly ElfSection[]): DynamicInfo {
  const entries = dynamicEntries(sections);
  const valuesOf = (tag: number): string[] => entries.filter((entry) => entry.tag === tag).map((entry) => entry.text);
  const symbols = dynamicSymbols(sections);
  return {
    needed: valuesOf(Tag.needed),
    searchPaths: [...valuesOf(Tag.path), ...valuesOf(Tag.runPath)],
    exported: sortedNames(symbols.filter((symbol) => symbol.defined)),
    undefinedSymbols: sortedNames(symbols.filter((symbol) => !symbol.defined)),
    versions: versionNeeds(sections),
  };
}

function sortedNames(symbols: readonly { name: string }[]): string[] {
  return symbols.map((symbol) => symbol.name).sort();
}

function dynamicEntries(sections: readonly ElfSection[]): { tag: number; text: string }[] {
  return ofType(sections, SectionType.dynamic).flatMap((section) => {
    const names = sections[section.link]?.content ?? new Uint8Array();
    const view = viewOf(section.content);
    return Array.from({ length: Math.floor(section.content.length / 16) }, (_, index) => {
      const tag = Number(view.getBigInt64(index * 16, true));
      return { tag, text: textAt(names, Number(view.getBigUint64(index * 16 + 8, true))) };
    });
  });
}

function dynamicSymbols(sections: readonly ElfSection[]): { name: string; defined: boolean }[] {
  return ofType(sections, SectionType.dynamicSymbols).flatMap((section) => {
    const names = sections[section.link]?.content ?? new Uint8Array();
    const view = viewOf(section.content);
    return Array.from({ length: Math.floor(section.content.length / 24) }, (_, index) => ({
      name: textAt(names, view.getUint32(index * 24, true)),
      defined: view.getUint16(index * 24 + 6, true) !== 0,
    })).filter((symbol) => symbol.name !== "");
  });
}

/** Walks the chains of Verneed records, one a library, and their Vernaux records, one a version. */
function versionNeeds(sections: readonly ElfSection[]): string[] {
  const versions = new Set<string>();
  for (const section of ofType(sections, SectionType.versionNeed)) {
    const names = sections[section.link]?.content ?? new Uint8Array();
    const view = viewOf(section.content);
    for (let need = 0, next = -1; next !== 0; need += next) {
      for (let aux = need + view.getUint32(need + 8, true), step = -1; step !== 0; aux += step) {
        versions.add(textAt(names, view.getUint32(aux + 8, true)));
        step = view.getUint32(aux + 12, true);
      }
      next = view.getUint32(need + 12, true);
    }
  }
  return [...versions].sort();
}

function ofType(sections: readonly ElfSection[], type: number): ElfSection[] {
  return sections.filter((section) => section.type === type);
}
