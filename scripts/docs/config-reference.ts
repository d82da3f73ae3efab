import { table } from "./markdown.ts";

/** The part of JSON Schema that describes turbosparse.yaml. */
interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** docs/config.md: every key of turbosparse.yaml, from the JSON schema that also validates it in editors. */
export function configReference(jsonSchema: string): string {
  const schema: Schema = JSON.parse(jsonSchema);
  return [
    "# turbosparse.yaml",
    "",
    "<!-- Made by `npm run docs` from the configuration schema; do not edit. -->",
    "",
    "`turbosparse-plugin init` writes one with comments, `turbosparse-plugin config print --resolved --origin` shows what",
    "a configuration comes to and where each value is from. Unknown keys are errors. Editors check the file against",
    "[turbosparse.schema.json](turbosparse.schema.json).",
    "",
    ...table(["key", "value", "meaning"], rows(schema, "")),
    "",
  ].join("\n");
}

function rows(schema: Schema, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const path = `${prefix}${key}`;
    const needed = schema.required?.includes(key) ? "Required. " : "";
    const inner = value.items?.properties === undefined ? rows(value, `${path}.`) : rows(value.items, `${path}[].`);
    return [[`\`${path}\``, permitted(value), `${needed}${value.description ?? ""}`.trim()], ...inner];
  });
}

function permitted(schema: Schema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (schema.items !== undefined)
    return schema.items.properties === undefined ? `list of ${permitted(schema.items)}` : "list";
  if (schema.properties !== undefined) return "map";
  const low = schema.exclusiveMinimum === undefined ? schema.minimum : schema.exclusiveMinimum;
  // zod gives every integer the limits of a safe integer, which tell a reader nothing.
  const limits = [
    low === undefined || low === Number.MIN_SAFE_INTEGER
      ? ""
      : `${schema.exclusiveMinimum === undefined ? "≥" : ">"} ${low}`,
    schema.maximum === undefined || schema.maximum === Number.MAX_SAFE_INTEGER ? "" : `≤ ${schema.maximum}`,
    schema.pattern === undefined ? "" : `matching \`${schema.pattern}\``,
  ].filter((limit) => limit !== "");
  return [schema.type ?? "any", ...limits].join(" ").replace(/ ≤/, limits.length > 1 ? ", ≤" : " ≤");
}
