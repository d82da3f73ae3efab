import { ts } from "ts-morph";

/** The error codes that the sources can print, each with the files that mention it, sorted by code. */
export function errorCodes(files: readonly { readonly path: string; readonly text: string }[]): Map<string, string[]> {
  const codes = new Map<string, Set<string>>();
  for (const { path, text } of files) {
    if (!path.startsWith("generators/") || !path.endsWith(".ts")) continue;
    const visit = (node: ts.Node): void => {
      if (ts.isStringLiteral(node) && /^TS\d{4}$/.test(node.text)) {
        codes.set(node.text, (codes.get(node.text) ?? new Set()).add(path));
      }
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest));
  }
  return new Map([...codes].sort().map(([code, paths]) => [code, [...paths].sort()]));
}

/** The error codes that docs/troubleshooting.md has a section for, in the order of the sections. */
export function documentedCodes(troubleshooting: string): string[] {
  return [...troubleshooting.matchAll(/^### (TS\d{4})\b/gm)].map(([, code]) => code ?? "");
}
