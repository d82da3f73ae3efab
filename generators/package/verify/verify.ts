import { sha256 } from "../../compile/digest.ts";
import { dynamicInfo } from "../elf/dynamic.ts";
import { deviceArchs } from "../elf/fatbin.ts";
import { readElf } from "../elf/file.ts";
import { type Manifest, manifestSchema } from "../manifest-schema.ts";
import { distInfo, pythonVersion } from "../wheel/metadata.ts";
import { recordProblems } from "../wheel/record.ts";
import { type Files, readZip } from "../wheel/zip.ts";
import { type LibraryFacts, loaderProblems, manifestProblems, platformProblems } from "./checks.ts";

/** What was found in a wheel. `facts` and `manifest` are undefined when they could not be read. */
export interface Verification {
  readonly problems: readonly string[];
  readonly facts: LibraryFacts | undefined;
  readonly manifest: Manifest | undefined;
}

/** Compares everything a wheel says of itself with what is really in it. */
export async function verifyWheel(fileName: string, bytes: Uint8Array): Promise<Verification> {
  try {
    return verifyFiles(fileName, await readZip(bytes));
  } catch (error) {
    return {
      problems: [`it cannot be read as a wheel: ${(error as Error).message.replace(/\.$/, "")}`],
      facts: undefined,
      manifest: undefined,
    };
  }
}

function verifyFiles(fileName: string, files: Files): Verification {
  const manifest = readManifest(files);
  if (typeof manifest === "string") return { problems: [manifest], facts: undefined, manifest: undefined };
  const version = pythonVersion(manifest.version);
  const info = distInfo(version);
  const problems = recordProblems(files, `${info}/RECORD`);
  if (/^Version: (.*)$/m.exec(textOf(files, `${info}/METADATA`))?.[1] !== version) {
    problems.push(`METADATA does not give the version ${version} of the manifest`);
  }
  const facts = readLibrary(files, manifest.library.path);
  if (typeof facts === "string") return { problems: [...problems, facts], facts: undefined, manifest };
  problems.push(
    ...manifestProblems(facts, manifest),
    ...loaderProblems(facts, manifest.library.path),
    ...platformProblems(facts, fileName, version, textOf(files, `${info}/WHEEL`)),
    ...absentKernels(files, manifest),
  );
  return { problems, facts, manifest };
}

function readManifest(files: Files): Manifest | string {
  const path = "turbosparse/manifest.json";
  const bytes = files.get(path);
  if (bytes === undefined) return `${path} is missing`;
  try {
    return manifestSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch (error) {
    const issue = (error as { issues?: { path: PropertyKey[]; message: string }[] }).issues?.[0];
    return `${path} is not one of this version: ${issue ? `${issue.path.join(".")}: ${issue.message}` : (error as Error).message}`;
  }
}

function readLibrary(files: Files, path: string): LibraryFacts | string {
  const bytes = files.get(path);
  if (bytes === undefined) return `${path} is missing`;
  try {
    const sections = readElf(bytes);
    return {
      sha256: sha256(bytes),
      bytes: bytes.length,
      dynamic: dynamicInfo(sections),
      archs: deviceArchs(sections),
    };
  } catch (error) {
    return `${path} cannot be loaded: ${(error as Error).message}`;
  }
}

/** The dispatch tables hold the kernels' names, so those of the manifest must be in the library. */
function absentKernels(files: Files, manifest: Manifest): string[] {
  const library = Buffer.from(files.get(manifest.library.path) ?? []);
  return manifest.kernels
    .filter(({ family, name }) => family !== "support" && !library.includes(`${name}\0`))
    .map(({ name }) => `the manifest lists ${name}, which ${manifest.library.path} does not know`);
}

function textOf(files: Files, path: string): string {
  return Buffer.from(files.get(path) ?? []).toString("utf8");
}
