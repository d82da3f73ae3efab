import { libraryGlibc, platformTag } from "../elf/glibc.ts";
import { libraryPath } from "../manifest.ts";
import type { Manifest } from "../manifest-schema.ts";
import { distInfo, entryPointsText, metadataText, pythonVersion, wheelName, wheelText } from "./metadata.ts";
import { recordText } from "./record.ts";
import type { Files } from "./zip.ts";

export interface WheelInputs {
  readonly manifest: Manifest;
  readonly library: Uint8Array;
  /** The static Python package by path in the wheel, `turbosparse/….py`. */
  readonly pythonFiles: Files;
  readonly license: Uint8Array;
}

/** A wheel before it is zipped: its name and its files, sorted, with RECORD last as the format recommends. */
export interface Wheel {
  readonly name: string;
  readonly files: Files;
}

export function assembleWheel({ manifest, library, pythonFiles, license }: WheelInputs): Wheel {
  const version = pythonVersion(manifest.version);
  const platform = platformTag(libraryGlibc(library));
  const info = distInfo(version);
  const text = (content: string): Uint8Array => Buffer.from(content, "utf8");
  const files = new Map<string, Uint8Array>([
    ...pythonFiles,
    [libraryPath, library],
    ["turbosparse/manifest.json", text(`${JSON.stringify(manifest, undefined, 2)}\n`)],
    [`${info}/licenses/LICENSE`, license],
    [`${info}/METADATA`, text(metadataText(version))],
    [`${info}/entry_points.txt`, text(entryPointsText(manifest.engines))],
    [`${info}/WHEEL`, text(wheelText(manifest.version, platform))],
  ]);
  const sorted = new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
  const record = `${info}/RECORD`;
  return {
    name: wheelName(version, platform),
    files: new Map([...sorted, [record, text(recordText(sorted, record))]]),
  };
}
