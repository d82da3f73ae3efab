import { IndentationText, Project, type SourceFile } from "ts-morph";
import type { ContextTree } from "./context-tree.ts";

const pascal = (name: string) =>
  name
    .split("_")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");

function addInterface(file: SourceFile, prefix: string, tree: ContextTree): string {
  const fields = [...tree].sort(([a], [b]) => (a < b ? -1 : 1));
  const properties = fields.map(([name, field]) => ({
    name,
    isReadonly: true,
    type: field === "text" ? "Rendered" : `readonly ${addInterface(file, `${prefix}${pascal(name)}`, field)}[]`,
  }));
  const name = `${prefix}Context`;
  file.addInterface({ name, isExported: true, properties });
  return name;
}

/** TypeScript for the contexts of all templates, and a map from template name to its context. */
export function contextInterfaces(trees: ReadonlyMap<string, ContextTree>): string {
  const project = new Project({
    useInMemoryFileSystem: true,
    manipulationSettings: { indentationText: IndentationText.TwoSpaces },
  });
  const file = project.createSourceFile("contexts.ts");
  file.addStatements("// Made from templates/*.hbs by scripts/template-contexts.mjs.\n");
  file.addImportDeclaration({ moduleSpecifier: "./formatters.ts", namedImports: ["Rendered"], isTypeOnly: true });
  const properties = [...trees].map(([template, tree]) => ({
    name: JSON.stringify(template),
    isReadonly: true,
    type: addInterface(file, pascal(template.replace(/\..*$/, "")), tree),
  }));
  file.addInterface({ name: "TemplateContexts", isExported: true, properties });
  return file.getFullText();
}
