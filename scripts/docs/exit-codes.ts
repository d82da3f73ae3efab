import { Project, SyntaxKind } from "ts-morph";

export interface ExitCodeRow {
  readonly name: string;
  readonly code: number;
  readonly meaning: string;
}

/** Reads the `ExitCode` object and the comment above each of its members. */
export function exitCodes(errorsSource: string): ExitCodeRow[] {
  const source = new Project({ useInMemoryFileSystem: true }).createSourceFile("errors.ts", errorsSource);
  const object = source
    .getVariableDeclarationOrThrow("ExitCode")
    .getFirstDescendantByKindOrThrow(SyntaxKind.ObjectLiteralExpression);
  return object.getProperties().map((property) => {
    const member = property.asKindOrThrow(SyntaxKind.PropertyAssignment);
    const comment = member.getLeadingCommentRanges().at(-1)?.getText();
    if (comment === undefined) throw new Error(`ExitCode.${member.getName()} has no comment that says what it means.`);
    return {
      name: member.getName(),
      code: Number(member.getInitializerOrThrow().getText()),
      meaning: comment.replace(/^\/\*\*\s*|\s*\*\/$/g, ""),
    };
  });
}
