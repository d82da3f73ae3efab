import { type Command, InvalidArgumentError, Option } from "commander";
import { resolveConfig } from "../../config/resolve.ts";
import { explain } from "../../plan/plan.ts";
import { gemmTokens, maxTokens, servingVariants, streamTokens, tileTokens } from "../../plan/tokens.ts";
import { type Decision, type Family, families } from "../../plan/types.ts";
import type { CommandDefinition } from "../command.ts";
import { addConfigOptions, configOptions } from "../config-options.ts";
import { decisionTable } from "../sources/decision-table.ts";

interface ExplainOptions {
  readonly family?: string;
  readonly tokens?: number;
  readonly json?: boolean;
}

export const definition: CommandDefinition = {
  name: "explain",
  summary: "show which kernel configurations were considered, and why each was chosen or rejected",
  configure: (command: Command) => {
    addConfigOptions(command)
      .addOption(new Option("--family <name>", "only kernels of this family").choices(families))
      .option("--tokens <count>", "only kernels of the size that a call of so many tokens takes", parseTokens)
      .option("--json", "print JSON");
  },
  run: async ({ env, progress }, _args, options) => {
    const { family, tokens, json } = options as ExplainOptions;
    const decisions = explain(await resolveConfig(env, configOptions(options)));
    const wanted = decisions.filter(
      (decision) =>
        (family === undefined || decision.family === family) && (tokens === undefined || serves(decision, tokens)),
    );
    if (wanted.length === 0)
      progress.note("No kernel of this configuration is of that family and serves so many tokens.");
    env.stdout.write(json === true ? `${JSON.stringify(wanted, null, 2)}\n` : decisionTable(wanted));
    return "ok";
  },
};

function parseTokens(text: string): number {
  const tokens = Number(text);
  if (Number.isInteger(tokens) && tokens >= 1 && tokens <= maxTokens) return tokens;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${maxTokens}.`);
}

function serves({ family, parameters }: Decision, tokens: number): boolean {
  if (family === "support") return true;
  const variants = servingVariants(variantsOf(family), { min: tokens, max: tokens });
  return variants.some((variant) => variant === parameters.tokens);
}

function variantsOf(family: Exclude<Family, "support">): readonly number[] {
  switch (family) {
    case "ffn_stream":
      return streamTokens;
    case "ffn_tile":
      return tileTokens;
    case "row_gemm":
    case "union_down":
      return gemmTokens;
  }
}
