import { Project, SyntaxKind } from "ts-morph";

/** The error codes that the sources can print, each with the files that mention it, sorted by code. */
export function errorCodes(files: readonly { readonly path: string; readonly text: string }[]): Map<string, string[]> {
  const project = new Project({ useInMemoryFileSystem: true });
  const codes = new Map<string, Set<string>>();
  for (const { path, text } of files) {
    if (!path.startsWith("generators/") || !path.endsWith(".ts")) continue;
    for (const literal of project.createSourceFile(path, text).getDescendantsOfKind(SyntaxKind.StringLiteral)) {
      const code = literal.getLiteralValue();
      if (!/^TS\d{4}$/.test(code)) continue;
      codes.set(code, (codes.get(code) ?? new Set()).add(path));
    }
  }
  return new Map([...codes].sort().map(([code, paths]) => [code, [...paths].sort()]));
}

/** The error codes that docs/troubleshooting.md has a section for, in the order of the sections. */
export function documentedCodes(troubleshooting: string): string[] {
  return [...troubleshooting.matchAll(/^### (TS\d{4})\b/gm)].map(([, code]) => code ?? "");
}
