import { type Command, Option } from "commander";
import { requiredRelease } from "../../compile/toolchain/probe.ts";
import { resolveConfig } from "../../config/resolve.ts";
import { plan } from "../../plan/plan.ts";
import type { BuildPlan } from "../../plan/types.ts";
import type { CommandDefinition } from "../command.ts";
import { addConfigOptions, configOptions } from "../config-options.ts";

/** One build of a continuous integration run. */
interface MatrixJob {
  readonly model: string;
  readonly arch: string;
  /** Release of the CUDA toolkit. */
  readonly cuda: string;
}

export const definition: CommandDefinition = {
  name: "matrix",
  summary: "print one build job for each model, architecture and CUDA release",
  configure: (command: Command) => {
    addConfigOptions(command).addOption(
      new Option("--format <name>", "one line for a GitHub Actions matrix, or indented JSON")
        .choices(["github", "json"])
        .default("json"),
    );
  },
  run: async ({ env }, _args, options) => {
    // A matrix of jobs that cannot be planned would fail once a job, so it fails here.
    const jobs = matrixJobs(plan(await resolveConfig(env, configOptions(options))));
    const text = options.format === "github" ? JSON.stringify({ include: jobs }) : JSON.stringify(jobs, null, 2);
    env.stdout.write(`${text}\n`);
    return "ok";
  },
};

function matrixJobs({ shards, archs }: BuildPlan): MatrixJob[] {
  const models = new Set(shards.map(({ model }) => model.name));
  return [...models].flatMap((model) => archs.map((arch) => ({ model, arch, cuda: requiredRelease })));
}
