import type { Command } from "commander";
import { formatTable } from "../../package/format.ts";
import type { CommandDefinition } from "../command.ts";
import { examine } from "../doctor/examine.ts";

export const definition: CommandDefinition = {
  name: "doctor",
  summary: "print what a build finds on this machine; offline and read-only",
  configure: (command: Command) => {
    command.option("--json", "print JSON");
  },
  run: async ({ env }, _args, options) => {
    const findings = await examine(env);
    if (options.json === true) {
      env.stdout.write(
        `${JSON.stringify(Object.fromEntries(findings.map(({ name, ...rest }) => [name, rest])), null, 2)}\n`,
      );
    } else {
      env.stdout.write(formatTable(findings.map(({ name, ok, detail }) => [ok ? "ok" : "--", name, detail])));
    }
    return "ok";
  },
};
