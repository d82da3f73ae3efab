import { byCodePoint, groupName } from "../plan/names.ts";
import type { BuildPlan, Family, KernelInstance } from "../plan/types.ts";
import { dispatchContext } from "./dispatch-context.ts";
import { createRenderer, type RenderTemplate, type Templates } from "./engine.ts";
import { ffnStreamContext, rowGemmContext, supportContext, unionDownContext } from "./instance-contexts.ts";
import type { FileSet } from "./types.ts";

const ofFamily = <F extends Family>(instances: readonly KernelInstance[], family: F) =>
  instances
    .filter((instance): instance is Extract<KernelInstance, { family: F }> => instance.family === family)
    .sort((a, b) => tokensOf(a) - tokensOf(b));

const tokensOf = (instance: KernelInstance): number => (instance.family === "support" ? 0 : instance.tokens);

/** The translation unit of one group. */
function renderGroup(renderTemplate: RenderTemplate, family: Family, group: readonly KernelInstance[]): string {
  switch (family) {
    case "ffn_stream":
      return renderTemplate("ffn_stream.cu.hbs", {
        instances: ofFamily(group, family).map(ffnStreamContext),
      });
    case "row_gemm":
      return renderTemplate("row_gemm.cu.hbs", { instances: ofFamily(group, family).map(rowGemmContext) });
    case "union_down":
      return renderTemplate("union_down.cu.hbs", {
        instances: ofFamily(group, family).map(unionDownContext),
      });
    case "support":
      return renderTemplate("support.cu.hbs", { instances: ofFamily(group, family).map(supportContext) });
  }
}

/** Writes the plan's kernels as C++: one file a group and `kernels/dispatch.cu`. Same plan, same bytes. */
export function render(plan: BuildPlan, templates: Templates): FileSet {
  const groups = new Map<string, KernelInstance[]>();
  for (const instance of plan.instances) {
    const name = groupName(instance);
    groups.set(name, [...(groups.get(name) ?? []), instance]);
  }
  const renderTemplate = createRenderer(templates);
  const files: [string, string][] = [
    ["kernels/dispatch.cu", renderTemplate("dispatch.cu.hbs", dispatchContext(plan.instances))],
  ];
  for (const [name, [first, ...rest]] of groups) {
    if (first) files.push([`kernels/${name}.cu`, renderGroup(renderTemplate, first.family, [first, ...rest])]);
  }
  return new Map(files.sort(([a], [b]) => byCodePoint(a, b)));
}
