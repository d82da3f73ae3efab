import Handlebars from "handlebars";

type Statement = hbs.AST.Statement;

/** What a template reads: text, or a list of records. */
export type ContextField = "text" | ContextTree;
export type ContextTree = Map<string, ContextField>;

/** The blocks that a template may have; `generators/render/engine.ts` allows the same. */
export const allowedBlocks: readonly string[] = ["if", "unless", "each"];

/** Conditions on a list, checked once the whole scope is known. */
interface Scope {
  readonly tree: ContextTree;
  readonly conditions: Map<string, hbs.AST.Node>;
}

class Walk {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  refuse(node: hbs.AST.Node, problem: string): never {
    throw new Error(`${this.#name}:${node.loc.start.line}: ${problem}`);
  }

  program(program: hbs.AST.Program | undefined, scope: Scope): void {
    if (program?.blockParams?.length) this.refuse(program, "block parameters are not allowed");
    for (const statement of program?.body ?? []) this.statement(statement, scope);
  }

  /** Walks a record of its own and checks the conditions on its lists. */
  record(program: hbs.AST.Program, tree: ContextTree): void {
    const scope: Scope = { tree, conditions: new Map() };
    this.program(program, scope);
    for (const [key, node] of scope.conditions) {
      if (!(tree.get(key) instanceof Map))
        this.refuse(node, `"${key}" is tested but is not a list; text is always there`);
    }
  }

  statement(statement: Statement, scope: Scope): void {
    switch (statement.type) {
      case "ContentStatement":
      case "CommentStatement":
        return;
      case "MustacheStatement":
        this.mustache(statement as hbs.AST.MustacheStatement, scope);
        return;
      case "BlockStatement":
        this.block(statement as hbs.AST.BlockStatement, scope);
        return;
      default:
        this.refuse(statement, `a ${statement.type} is not allowed`);
    }
  }

  mustache(statement: hbs.AST.MustacheStatement, { tree }: Scope): void {
    if (!statement.escaped) this.refuse(statement, "triple mustaches and {{& are not allowed");
    if (statement.params.length > 0 || statement.hash) this.refuse(statement, "helpers that print are not allowed");
    const key = this.key(statement.path);
    if (tree.get(key) instanceof Map) this.refuse(statement, `"${key}" is a list and cannot be printed`);
    tree.set(key, "text");
  }

  block(block: hbs.AST.BlockStatement, scope: Scope): void {
    const helper = this.key(block.path);
    if (!allowedBlocks.includes(helper)) this.refuse(block, `{{#${helper}}} is not one of ${allowedBlocks.join(", ")}`);
    const [param, ...others] = block.params;
    if (!param || others.length > 0 || block.hash) this.refuse(block, `{{#${helper}}} takes one key`);
    const key = this.key(param);
    if (helper === "each") {
      const known = scope.tree.get(key);
      if (known === "text") this.refuse(block, `"${key}" is text and cannot be a list`);
      const item: ContextTree = known ?? new Map();
      scope.tree.set(key, item);
      this.record(block.program, item);
    } else {
      scope.conditions.set(key, block);
      this.program(block.program, scope);
    }
    this.program(block.inverse, scope);
  }

  /** A plain key of the record at hand: no path, no `this`, no data variable, no literal. */
  key(expression: hbs.AST.Expression): string {
    const { type } = expression;
    const path = expression as hbs.AST.PathExpression;
    const [part] = path.parts ?? [];
    const plain = type === "PathExpression" && !path.data && path.depth === 0 && path.parts.length === 1;
    if (!plain || typeof part !== "string" || path.original !== part) {
      this.refuse(expression, "only plain keys of the record at hand are allowed");
    }
    return part;
  }
}

/** The context that a template reads. Throws a sentence with file and line for whatever templates may not do. */
export function contextTree(name: string, source: string): ContextTree {
  const tree: ContextTree = new Map();
  new Walk(name).record(Handlebars.parse(source), tree);
  return tree;
}
