import { TurboSparseError } from "../errors.ts";

declare const rendered: unique symbol;

/** Text that a formatter made: the only leaf a template context may have. */
export type Rendered = string & { readonly [rendered]: true };

function refuse(what: string, value: unknown): never {
  throw new TurboSparseError({
    code: "TS3100",
    exit: "internal",
    message: `${JSON.stringify(value)} cannot be written as ${what}.`,
  });
}

const accept = (text: string) => text as Rendered;

/** A C++ `int` literal. */
export function cInt(value: number): Rendered {
  if (!Number.isInteger(value) || Math.abs(value) > 0x7fffffff) refuse("a C++ int", value);
  return accept(String(value));
}

/** A C++ identifier, without a scope. */
export function cIdent(value: string): Rendered {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) refuse("a C++ identifier", value);
  return accept(value);
}

/** A C++ type or enumerator: identifiers joined by `::`. */
export function cType(value: string): Rendered {
  if (!/^[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*)*$/.test(value)) refuse("a C++ type", value);
  return accept(value);
}

/** A C++ string literal with its quotes. Printable ASCII only, so that no escape can run into what follows it. */
export function cString(value: string): Rendered {
  if (!/^[\x20-\x7e]*$/.test(value)) refuse("a C++ string literal", value);
  return accept(`"${value.replace(/["\\]/g, "\\$&")}"`);
}
