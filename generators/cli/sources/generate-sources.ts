import { resolveConfig } from "../../config/resolve.ts";
import type { Env } from "../../io/env.ts";
import { plan } from "../../plan/plan.ts";
import { loadTemplates } from "../../render/load-templates.ts";
import { render } from "../../render/render.ts";
import type { FileSet } from "../../render/types.ts";
import { configOptions } from "../config-options.ts";

/** The generated sources that the options of a command ask for. */
export async function generateSources(env: Env, options: Readonly<Record<string, unknown>>): Promise<FileSet> {
  const config = await resolveConfig(env, configOptions(options));
  return render(plan(config), await loadTemplates(env));
}
