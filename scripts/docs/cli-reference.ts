import { type Argument, Command, type Option } from "commander";
import type { CommandDefinition } from "../../generators/cli/command.ts";
import type { ExitCodeRow } from "./exit-codes.ts";
import { table } from "./markdown.ts";

/** docs/cli.md: every command with its arguments and options as commander knows them, and the exit codes. */
export function cliReference(definitions: readonly CommandDefinition[], exits: readonly ExitCodeRow[]): string {
  return [
    "# Command line",
    "",
    "<!-- Made by `npm run docs` from the commands themselves; do not edit. -->",
    "",
    "Data goes to standard output, progress and errors to standard error. An error is one line `error[CODE]: …` and",
    "mostly a `hint: …`; [troubleshooting.md](troubleshooting.md) has a section for each code. Every command has `--help`;",
    "`turbosparse-plugin --verbose COMMAND` adds the stack trace of an unexpected error.",
    "",
    ...definitions.flatMap(commandSection),
    "## Exit codes",
    "",
    ...table(
      ["code", "name", "meaning"],
      exits.map(({ code, name, meaning }) => [String(code), `\`${name}\``, meaning]),
    ),
    "",
  ].join("\n");
}

function commandSection(definition: CommandDefinition): string[] {
  const command = new Command(definition.name);
  definition.configure(command);
  return [`## ${definition.name}`, "", sentence(definition.summary), "", ...usage(command, "turbosparse-plugin")];
}

function usage(command: Command, parent: string): string[] {
  const name = `${parent} ${command.name()}`;
  const lines = ["```", `${name} ${command.usage()}`, "```", ""];
  const args = command.registeredArguments.map((argument) => [`\`${argument.name()}\``, describe(argument)]);
  if (args.length > 0) lines.push(...table(["argument", "meaning"], args), "");
  const options = command.options.filter((option) => !option.hidden);
  const rows = options.map((option) => [`\`${option.flags}\``, describe(option)]);
  if (rows.length > 0) lines.push(...table(["option", "meaning"], rows), "");
  for (const child of command.commands) {
    lines.push(`### ${definitionPath(name, child)}`, "", sentence(child.description()), "", ...usage(child, name));
  }
  return lines;
}

const definitionPath = (parent: string, child: Command): string =>
  `${parent} ${child.name()}`.replace(/^turbosparse-plugin /, "");

function describe(entry: Argument | Option): string {
  const choices =
    entry.argChoices === undefined ? "" : ` One of ${entry.argChoices.map((x) => `\`${x}\``).join(", ")}.`;
  const hasDefault = entry.defaultValue !== undefined && entry.defaultValue !== false;
  const fallback = hasDefault ? ` Default: \`${entry.defaultValueDescription ?? String(entry.defaultValue)}\`.` : "";
  return `${sentence(entry.description)}${choices}${fallback}`;
}

const sentence = (text: string): string => {
  const capital = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return capital.endsWith(".") || capital === "" ? capital : `${capital}.`;
};
