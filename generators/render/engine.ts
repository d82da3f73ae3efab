import Handlebars from "handlebars";
import { TurboSparseError } from "../errors.ts";
import type { TemplateContexts } from "./contexts.ts";
import { strictContext } from "./strict-context.ts";

/** Template name (`ffn_stream.cu.hbs`) to its text. */
export type Templates = ReadonlyMap<string, string>;
export type TemplateName = keyof TemplateContexts;

/** The only helpers; everything else is decided before a template sees it. */
export const allowedHelpers = ["if", "unless", "each"] as const;

/** A template environment in which nothing but `allowedHelpers` exists. One per rendering: it shares no state. */
function createEnvironment(): typeof Handlebars {
  const environment = Handlebars.create();
  for (const name of Object.keys(environment.helpers)) {
    if (!allowedHelpers.some((allowed) => allowed === name)) environment.unregisterHelper(name);
  }
  return environment;
}

/** Renders one template. Throws when the template reads what its context does not have. */
export function renderTemplate<N extends TemplateName>(
  templates: Templates,
  name: N,
  context: TemplateContexts[N],
): string {
  const source = templates.get(name);
  if (source === undefined) {
    throw new TurboSparseError({
      code: "TS3101",
      exit: "internal",
      message: `Template ${name} is missing from this installation.`,
      hint: "Install turbosparse-plugin again.",
    });
  }
  const template = createEnvironment().compile(source, {
    strict: true,
    noEscape: true,
    knownHelpersOnly: true,
    knownHelpers: { helperMissing: false, blockHelperMissing: false, with: false, log: false, lookup: false },
    preventIndent: true,
    explicitPartialContext: true,
  });
  return template(strictContext(context, name));
}
