import { createHash } from "node:crypto";
import type { Files } from "./zip.ts";

/** One line of RECORD: path, digest and size; the last two are empty for RECORD itself. */
function recordLine(path: string, bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return `${path},,`;
  return `${path},sha256=${createHash("sha256").update(bytes).digest("base64url")},${bytes.length}`;
}

/** RECORD of a wheel, by the binary distribution format: every file with its digest. */
export function recordText(files: Files, recordPath: string): string {
  const lines = [...files].map(([path, bytes]) => recordLine(path, bytes));
  return `${[...lines, recordLine(recordPath, undefined)].join("\n")}\n`;
}

/** What RECORD says that the files do not bear out. Paths with commas or quotes are not written by this package. */
export function recordProblems(files: Files, recordPath: string): string[] {
  const record = files.get(recordPath);
  if (record === undefined) return [`${recordPath} is missing`];
  const lines = Buffer.from(record)
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");
  const listed = new Map(lines.map((line) => [line.split(",", 1)[0] ?? "", line]));
  const problems = [...listed.keys()]
    .filter((path) => !files.has(path))
    .map((path) => `RECORD lists ${path}, which is absent`);
  for (const [path, bytes] of files) {
    const line = listed.get(path);
    if (line === undefined) problems.push(`RECORD does not list ${path}`);
    else if (line !== recordLine(path, path === recordPath ? undefined : bytes)) {
      problems.push(`${path} does not have the size and digest that RECORD gives it`);
    }
  }
  return problems;
}
