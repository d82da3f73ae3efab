/**
 * A view of a template context that throws on any key it does not have and on any leaf that is not a string.
 * Handlebars' own strict mode prints nothing for a key that is present but undefined.
 */
export function strictContext<T extends object>(context: T, path: string): T {
  return new Proxy(context, {
    get(target, key) {
      const at = `${path}: ${String(key)}`;
      if (!Object.hasOwn(target, key)) throw new Error(`${at} is not in the template's context`);
      const value: unknown = Reflect.get(target, key);
      if (typeof value === "string") return value;
      if (Array.isArray(value)) return value.map((item: object, i) => strictContext(item, `${at}[${i}]`));
      throw new Error(`${at} is neither a string nor a list`);
    },
  });
}
