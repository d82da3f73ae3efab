import Handlebars from "handlebars";
import { TurboSparseError } from "../errors.ts";
import type { TemplateContexts } from "./contexts.ts";
import { strictContext } from "./strict-context.ts";

/** Template name (`ffn_stream.cu.hbs`) to its text. */
export type Templates = ReadonlyMap<string, string>;
export type TemplateName = keyof TemplateContexts;

/** The only helpers; everything else is decided before a template sees it. */
export const allowedHelpers = ["if", "unless", "each"] as const;

/** A template environment in which nothing but `allowedHelpers` exists. One a renderer: no state is shared. */
function createEnvironment(): typeof Handlebars {
  const environment = Handlebars.create();
  for (const name of Object.keys(environment.helpers)) {
    if (!allowedHelpers.some((allowed) => allowed === name)) environment.unregisterHelper(name);
  }
  return environment;
}

function compile(
  environment: typeof Handlebars,
  templates: Templates,
  name: TemplateName,
): Handlebars.TemplateDelegate {
  const source = templates.get(name);
  if (source === undefined) {
    throw new TurboSparseError({
      code: "TS3101",
      exit: "internal",
      message: `Template ${name} is missing from this installation.`,
      hint: "Install turbosparse-plugin again.",
    });
  }
  return environment.compile(source, {
    strict: true,
    noEscape: true,
    knownHelpersOnly: true,
    knownHelpers: { helperMissing: false, blockHelperMissing: false, with: false, log: false, lookup: false },
    preventIndent: true,
    explicitPartialContext: true,
  });
}

/** Writes the text of a template. Throws when it reads what its context does not have. */
export type RenderTemplate = <N extends TemplateName>(name: N, context: TemplateContexts[N]) => string;

/** Renders `templates`, each compiled when it is first used. */
export function createRenderer(templates: Templates): RenderTemplate {
  const environment = createEnvironment();
  const compiled = new Map<TemplateName, Handlebars.TemplateDelegate>();
  return (name, context) => {
    const template = compiled.get(name) ?? compile(environment, templates, name);
    compiled.set(name, template);
    return template(strictContext(context, name));
  };
}
