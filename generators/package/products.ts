import { findEngine } from "../engines/registry.ts";
import type { LibraryName } from "../engines/types.ts";

/** One package of a build: the library and the engines that it is for. */
export interface Product {
  readonly library: LibraryName;
  /** Sorted. */
  readonly engines: readonly string[];
}

/** The packages that a build for these engines comes to, each engine in one. */
export function productsOf(engines: readonly string[]): Product[] {
  const byLibrary = new Map<LibraryName, string[]>();
  for (const name of [...engines].sort()) {
    const { library } = findEngine(name, "engines");
    byLibrary.set(library, [...(byLibrary.get(library) ?? []), name]);
  }
  return [...byLibrary].map(([library, names]) => ({ library, engines: names }));
}
