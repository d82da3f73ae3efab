/** HTML or SVG that is safe to write as it is. Only this module makes one, so every plain string gets escaped. */
export interface Markup {
  readonly html: string;
}

export type Child = Markup | string | number | readonly Child[];
export type Attributes = Readonly<Record<string, string | number>>;

const voidElements: readonly string[] = ["meta"];

/** Elements that end their line, for a page whose source and diffs can be read. */
const lineElements: readonly string[] = (
  "html head meta title style body header main section figure figcaption div p h1 h2 h3 table caption thead tbody tr " +
  "svg desc g path line text"
).split(" ");

/** An element with escaped attributes and children. Coordinates are rounded to hundredths of a pixel. */
export function element(name: string, attributes: Attributes, ...children: readonly Child[]): Markup {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeText(plain(value))}"`);
  const end = voidElements.includes(name) ? "" : `</${name}>`;
  return { html: `<${name}${written.join("")}>${render(children)}${end}${lineElements.includes(name) ? "\n" : ""}` };
}

/** A style element. What it holds is raw text to an HTML parser, so only constants of this program belong in it. */
export function styleElement(css: string): Markup {
  return { html: `<style>\n${css}</style>\n` };
}

/** A whole HTML document. */
export function htmlDocument(head: readonly Child[], body: readonly Child[]): string {
  return `<!doctype html>\n${element("html", { lang: "en" }, element("head", {}, ...head), element("body", {}, ...body)).html}`;
}

function render(child: Child): string {
  if (typeof child === "string" || typeof child === "number") return escapeText(plain(child));
  return "html" in child ? child.html : child.map(render).join("");
}

const plain = (value: string | number): string =>
  typeof value === "number" ? String(Number(value.toFixed(2))) : value;

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
