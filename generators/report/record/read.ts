import { basename, resolve } from "node:path";
import { z } from "zod";
import { TurboSparseError } from "../../errors.ts";
import type { Env } from "../../io/env.ts";
import { didYouMean } from "../../suggest.ts";
import { resultKey } from "./identity.ts";
import { type BenchRecord, headerSchema, recordKeys, recordSchema } from "./schema.ts";

/** A record with the name that a report calls it by. */
export interface LabelledRecord {
  readonly label: string;
  readonly record: BenchRecord;
}

const remedy = "Name a file that `python -m turbosparse.bench` wrote.";

/** Reads records in the order given. A label is the file's name, or the whole path where two names are the same. */
export async function readRecords(env: Env, files: readonly string[]): Promise<LabelledRecord[]> {
  const paths = files.map((file) => resolve(env.cwd, file));
  const twice = files.find((_, index) => paths.indexOf(paths[index] ?? "") !== index);
  if (twice !== undefined) throw invalid("TS7007", `${twice} is given twice.`, "Name each record once.");
  const names = files.map((file) => basename(file, ".json"));
  const records: LabelledRecord[] = [];
  for (const [index, file] of files.entries()) {
    const name = names[index] ?? file;
    const unique = names.indexOf(name) === names.lastIndexOf(name);
    records.push({ label: unique ? name : file, record: parseRecord(file, await readFile(env, file)) });
  }
  return records;
}

async function readFile(env: Env, file: string): Promise<string> {
  try {
    return await env.fs.readText(resolve(env.cwd, file));
  } catch (error) {
    throw invalid("TS7001", `${file} cannot be read: ${(error as Error).message}.`, remedy, error);
  }
}

/** Checks one record; the error names the first fault by its path in the JSON. */
export function parseRecord(file: string, text: string): BenchRecord {
  const value = parseJson(file, text);
  const header = headerSchema.safeParse(value);
  if (!header.success) {
    throw invalid("TS7003", `${file} is not a bench record of version 1: ${explain(header.error)}.`, remedy);
  }
  const record = recordSchema.safeParse(value);
  if (!record.success) {
    const issue = foremost(record.error);
    const slip = issue?.code === "unrecognized_keys" ? didYouMean(issue.keys[0] ?? "", recordKeys) : "";
    throw invalid("TS7004", `${file}: ${explain(record.error)}.`, `${slip}${remedy}`);
  }
  refuseDuplicates(file, record.data);
  return record.data;
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid("TS7002", `${file} is not JSON: ${(error as Error).message}.`, remedy, error);
  }
}

/** A misspelt key is also one that is missing, and the misspelling says more. */
function foremost({ issues }: z.ZodError): z.core.$ZodIssue | undefined {
  return issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
}

/** `results[3].tokens: expected number, received string`. */
function explain(error: z.ZodError): string {
  const issue = foremost(error);
  if (issue === undefined) return "it is not valid";
  const sentence = issue.message.replace(/^Invalid (input|option): /, "");
  const reason = `${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;
  return issue.path.length === 0 ? reason : `${z.core.toDotPath(issue.path)}: ${reason}`;
}

function refuseDuplicates(file: string, { results }: BenchRecord): void {
  const seen = new Map<string, number>();
  for (const [index, result] of results.entries()) {
    const first = seen.get(resultKey(result));
    if (first !== undefined) {
      throw invalid(
        "TS7005",
        `${file}: results[${index}] measures the same operator, shape, tokens and density as results[${first}].`,
        "Keep one of them: it is unclear which one counts.",
      );
    }
    seen.set(resultKey(result), index);
  }
}

function invalid(code: string, message: string, hint: string, cause?: unknown): TurboSparseError {
  return new TurboSparseError({ code, exit: "usage", message, hint, cause });
}
