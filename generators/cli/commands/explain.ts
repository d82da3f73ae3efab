import { type Command, InvalidArgumentError, Option } from "commander";
import { resolveConfig } from "../../config/resolve.ts";
import { calibrations } from "../../plan/cost/calibration.ts";
import { forecasts, forecastTokens } from "../../plan/cost/forecast.ts";
import { explain, shardsOf } from "../../plan/plan.ts";
import { gemmTokens, maxTokens, servingVariants, streamTokens } from "../../plan/tokens.ts";
import { type Decision, type Family, families } from "../../plan/types.ts";
import type { CommandDefinition } from "../command.ts";
import { addConfigOptions, configOptions } from "../config-options.ts";
import { decisionTable } from "../sources/decision-table.ts";
import { shippedRecords } from "../sources/shipped-records.ts";
import { timeTable } from "../sources/time-table.ts";

interface ExplainOptions {
  readonly family?: string;
  readonly tokens?: number;
  readonly times?: boolean;
  readonly json?: boolean;
}

export const definition: CommandDefinition = {
  name: "explain",
  summary: "show which kernel configurations were considered and why, and the times that the chosen ones should take",
  configure: (command: Command) => {
    addConfigOptions(command)
      .addOption(new Option("--family <name>", "only kernels of this family, and no times").choices(families))
      .option("--tokens <count>", "only kernels of the size that a call of so many tokens takes", parseTokens)
      .addOption(new Option("--times", "only the times of calls, predicted and measured").conflicts("family"))
      .option("--json", "print the decisions as JSON, or with --times the times");
  },
  run: async ({ env, progress }, _args, options) => {
    const { family, tokens, times, json } = options as ExplainOptions;
    const config = await resolveConfig(env, configOptions(options));
    const parts: string[] = [];
    if (times !== true) {
      const decisions = explain(config).filter(
        (decision) =>
          (family === undefined || decision.family === family) && (tokens === undefined || serves(decision, tokens)),
      );
      if (decisions.length === 0)
        progress.note("No kernel of this configuration is of that family and serves so many tokens.");
      parts.push(json === true ? `${JSON.stringify(decisions, null, 2)}\n` : decisionTable(decisions));
    }
    if (times === true || (family === undefined && json !== true)) {
      const calls = tokens === undefined ? forecastTokens(config.tokens) : [tokens];
      const found = forecasts(shardsOf(config), config.archs, calls, {
        calibrations,
        measured: await shippedRecords(env),
      });
      parts.push(
        json === true ? `${JSON.stringify({ schemaVersion: 1, forecasts: found }, null, 2)}\n` : timeTable(found),
      );
    }
    env.stdout.write(parts.join("\n"));
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
    case "row_gemm":
    case "union_down":
      return gemmTokens;
  }
}
