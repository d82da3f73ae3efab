import { isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { TurboSparseError } from "../errors.ts";

export type Path = readonly (string | number)[];

/** A parsed YAML file that still knows where each value stands. */
export interface YamlDocument {
  readonly value: unknown;
  /** `file:line:col` of the value at `path`, or of the nearest enclosing value that exists. */
  locate(path: Path): string;
  /** `file:line:col` of a key itself. */
  locateKey(parent: Path, key: string): string;
}

/** `file` is the name to show in errors. */
export function parseYaml(text: string, file: string): YamlDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    // The parser's own words for this one name a function of its API.
    const what = problem.code === "MULTIPLE_DOCS" ? "a second document begins here" : problem.message;
    throw syntaxError(`${at(problem.pos[0])}: ${what}`, problem);
  }

  const nodeAt = (path: Path): Node | undefined => {
    const node = path.length === 0 ? document.contents : document.getIn(path, true);
    return isNode(node) ? node : undefined;
  };
  const locate = (path: Path): string => {
    for (let length = path.length; length >= 0; length--) {
      const range = nodeAt(path.slice(0, length))?.range;
      if (range) return at(range[0]);
    }
    return at(0);
  };
  const locateKey = (parent: Path, key: string): string => {
    const map = nodeAt(parent);
    const pair = isMap(map)
      ? map.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
      : undefined;
    const range = isScalar(pair?.key) ? pair.key.range : undefined;
    return range ? at(range[0]) : locate(parent);
  };
  try {
    return { value: document.toJS(), locate, locateKey };
  } catch (error) {
    // The parser refuses to expand aliases that multiply ("billion laughs").
    throw syntaxError(`${file}:1:1: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function syntaxError(message: string, cause: unknown): TurboSparseError {
  return new TurboSparseError({
    code: "TS1102",
    exit: "usage",
    message: message.endsWith(".") ? message : `${message}.`,
    hint: "The file must be one YAML 1.2 document.",
    cause,
  });
}
