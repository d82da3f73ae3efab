import { z } from "zod";
import { TurboSparseError } from "../errors.ts";
import { didYouMean } from "../suggest.ts";
import type { Path, YamlDocument } from "./document.ts";
import { type ConfigFile, configSchema } from "./schema.ts";

/** Checks a parsed file against the schema; the error names the first fault by its place in the file. */
export function validateConfig(document: YamlDocument): ConfigFile {
  const result = configSchema.safeParse(document.value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw issue === undefined ? result.error : explain(issue, document);
}

function explain(issue: z.core.$ZodIssue, document: YamlDocument): TurboSparseError {
  const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  const name = path.length === 0 ? "the file" : formatPath(path);
  const at = document.locate(path);
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    const known = knownKeys(path);
    return invalid(
      "TS1103",
      `${document.locateKey(path, key)}: unknown key "${key}"${path.length === 0 ? "" : ` in ${name}`}.`,
      `${didYouMean(key, known)}Known keys: ${known.join(", ")}.`,
    );
  }
  if (path.length === 1 && path[0] === "schemaVersion") {
    return invalid("TS1105", `${at}: schemaVersion must be 1.`, "Start the file with the line `schemaVersion: 1`.");
  }
  const found = valueAt(document.value, path);
  const hint =
    issue.code === "invalid_value" && typeof found === "string"
      ? didYouMean(found, issue.values.map(String)).trim()
      : "";
  return invalid("TS1104", `${at}: ${name} must be ${expected(issue)}, found ${describe(found)}.`, hint);
}

function expected(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return (
        { object: "a mapping", array: "a list", int: "a whole number" }[issue.expected as string] ??
        `a ${issue.expected}`
      );
    case "invalid_value":
      return `one of ${issue.values.map(String).join(", ")}`;
    case "too_small":
      if (issue.origin === "string" || issue.origin === "array") return "non-empty";
      return `${issue.inclusive === false ? "greater than" : "at least"} ${issue.minimum}`;
    case "too_big":
      return `at most ${issue.maximum}`;
    case "invalid_format":
      return "lower case letters, digits, '-', '.' and '_', beginning with a letter or digit";
    default:
      return `valid (${issue.message})`;
  }
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "a mapping";
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const part of path) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Reflect.get(current, part);
  }
  return current;
}

function knownKeys(path: Path): readonly string[] {
  let schema: unknown = configSchema;
  for (const part of path) {
    schema = unwrap(schema);
    if (schema instanceof z.ZodObject) schema = schema.shape[part];
    else if (schema instanceof z.ZodArray) schema = schema.element;
  }
  schema = unwrap(schema);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function unwrap(schema: unknown): unknown {
  return schema instanceof z.ZodOptional ? schema.unwrap() : schema;
}

/** `models[0].density`. */
function formatPath(path: Path): string {
  return path
    .map((part, index) => (typeof part === "number" ? `[${part}]` : `${index === 0 ? "" : "."}${part}`))
    .join("");
}

function invalid(code: string, message: string, hint: string): TurboSparseError {
  return new TurboSparseError({ code, exit: "usage", message, ...(hint === "" ? {} : { hint }) });
}
