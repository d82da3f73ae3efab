/**
 * A view of a template context that throws on any key it does not have and on any leaf that is not a string.
 * Handlebars' own strict mode prints nothing for a key that is present but undefined.
 */
export function strictContext<T extends object>(context: T, path: string): T {
  const at = (key: string | symbol) => `${path}: ${String(key)}`;
  const check = (target: T, key: string | symbol) => {
    if (!Object.hasOwn(target, key)) throw new Error(`${at(key)} is not in the template's context`);
  };
  return new Proxy(context, {
    has(target, key) {
      check(target, key);
      return true;
    },
    get(target, key) {
      check(target, key);
      const value: unknown = Reflect.get(target, key);
      if (typeof value === "string") return value;
      if (Array.isArray(value)) return value.map((item: object, i) => strictContext(item, `${at(key)}[${i}]`));
      throw new Error(`${at(key)} is neither a string nor a list`);
    },
  });
}
