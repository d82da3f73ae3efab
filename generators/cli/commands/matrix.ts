import { type Command, Option } from "commander";
import { requiredRelease } from "../../compile/toolchain/probe.ts";
import { resolveConfig } from "../../config/resolve.ts";
import type { ResolvedConfig } from "../../config/types.ts";
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
      new Option("--format <name>", "json, or github: one line for a GitHub Actions matrix")
        .choices(["github", "json"])
        .default("json"),
    );
  },
  run: async ({ env }, _args, options) => {
    const jobs = matrixJobs(await resolveConfig(env, configOptions(options)));
    const text = options.format === "github" ? JSON.stringify({ include: jobs }) : JSON.stringify(jobs, null, 2);
    env.stdout.write(`${text}\n`);
    return "ok";
  },
};

function matrixJobs({ models, archs }: ResolvedConfig): MatrixJob[] {
  return models.flatMap(({ name }) => archs.map((arch) => ({ model: name, arch, cuda: requiredRelease })));
}
