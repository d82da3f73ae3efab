import { libraries } from "../../compile/libraries.ts";
import type { CompiledLibrary } from "../../compile/types.ts";
import type { LibraryName } from "../../engines/types.ts";
import type { PackageInputs } from "../inputs.ts";
import type { Files } from "../wheel/zip.ts";
import { cppFiles } from "./cpp.ts";
import type { BundleManifest } from "./manifest.ts";

export type BundleName = Exclude<LibraryName, "python">;

/** The description of a bundle, in its folder. */
export const manifestFile = "manifest.json";

/** The folder of a bundle in the output folder. */
export const bundleFolder = (name: BundleName): string => `turbosparse-${name}`;

/** Where the libraries lie in a bundle: for TensorRT there is nothing else. */
const libraryFolder = (name: BundleName): string => (name === "cpp" ? "lib/" : "");

/** The linked libraries, by path in the bundle. */
export function bundleLibraries(name: BundleName, { bytes, archive }: CompiledLibrary): Files {
  const definition = libraries[name];
  const folder = libraryFolder(name);
  const files = new Map([[`${folder}${definition.file}`, bytes]]);
  if (definition.archive !== undefined && archive !== undefined) files.set(`${folder}${definition.archive}`, archive);
  return files;
}

/** All files of a bundle, by path in it, sorted. */
export function assembleBundle(name: BundleName, built: Files, manifest: BundleManifest, inputs: PackageInputs): Files {
  const text = (content: string): Uint8Array => Buffer.from(content, "utf8");
  const files = new Map<string, Uint8Array>([
    ...built,
    ...(name === "cpp" ? [...cppFiles(inputs)].map(([path, content]) => [path, text(content)] as const) : []),
    [manifestFile, text(`${JSON.stringify(manifest, undefined, 2)}\n`)],
    ["LICENSE", inputs.license],
  ]);
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}
