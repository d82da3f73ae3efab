import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("../../templates/", import.meta.url);

/** The shipped templates, as the command line reads them. */
export function readTemplates(): Map<string, string> {
  const names = readdirSync(folder).filter((name) => name.endsWith(".hbs"));
  return new Map(names.sort().map((name) => [name, readFileSync(new URL(name, folder), "utf8")]));
}
