import { join } from "node:path";
import { libraries } from "../compile/libraries.ts";
import { readPackageFolder } from "../compile/sources.ts";
import { librarySources } from "../compile/units.ts";
import { TurboSparseError } from "../errors.ts";
import type { Env } from "../io/env.ts";
import { loadTemplates } from "../render/load-templates.ts";
import type { FileSet } from "../render/types.ts";
import { readPythonFiles } from "./python-files.ts";
import { sourcesDigest } from "./sources-digest.ts";
import { packageVersion } from "./version.ts";
import type { Files } from "./wheel/zip.ts";

/** What this package brings to every build. */
export interface PackageInputs {
  readonly version: string;
  /** Files of kernels/, by path from the package's root. */
  readonly kernels: FileSet;
  /** Files of templates/, by path from that folder. */
  readonly templates: FileSet;
  /** Files of bundles/, by path from the package's root. */
  readonly bundles: FileSet;
  /** Digest of what the wheel's library is made of. */
  readonly sourcesSha256: string;
  readonly pythonFiles: Files;
  readonly license: Uint8Array;
}

export async function readPackageInputs(env: Env): Promise<PackageInputs> {
  try {
    const [kernels, templates, bundles, pythonFiles, license, version] = await Promise.all([
      readPackageFolder(env, "kernels"),
      loadTemplates(env),
      readPackageFolder(env, "bundles"),
      readPythonFiles(env),
      env.fs.readBytes(join(env.packageRoot, "LICENSE")),
      packageVersion(env),
    ]);
    const sourcesSha256 = sourcesDigest(librarySources(libraries.python, kernels), templates);
    return { version, kernels, templates, bundles, sourcesSha256, pythonFiles, license };
  } catch (error) {
    throw new TurboSparseError({
      code: "TS5001",
      exit: "environment",
      message: `The installation of turbosparse-plugin in ${env.packageRoot} is incomplete: ${(error as Error).message}.`,
      hint: "Install turbosparse-plugin again.",
      cause: error,
    });
  }
}
