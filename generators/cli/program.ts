import { Command } from "commander";
import type { ExitCodeName } from "../errors.ts";
import type { CommandContext, CommandDefinition } from "./command.ts";
import { type CommandEntry, commandRegistry } from "./registry.ts";

/** The commands that parsing `argv` can need: the one it names, or all for help and for spelling suggestions. */
export function selectCommands(
  argv: readonly string[],
  registry: readonly CommandEntry[] = commandRegistry,
): readonly CommandEntry[] {
  const name = argv.find((argument) => !argument.startsWith("-"));
  const entry = registry.find((known) => known.name === name);
  return entry === undefined ? registry : [entry];
}

/** Builds the commander program. `finish` receives the exit code name of the command that ran. */
export function createProgram(
  context: CommandContext,
  definitions: readonly CommandDefinition[],
  version: string,
  finish: (exit: ExitCodeName) => void,
): Command {
  const { stdout, stderr } = context.env;
  const program = new Command("turbosparse-plugin")
    .description("Builds one Python wheel whose CUDA kernels serve TurboSparse models without their inactive neurons.")
    .version(version)
    .option("--verbose", "show stack traces of unexpected errors")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      // Usage errors are thrown and reported in the format of all other errors.
      outputError: () => undefined,
      getOutHelpWidth: () => stdout.columns,
      getErrHelpWidth: () => stderr.columns,
    });
  for (const definition of definitions) {
    const command = program.command(definition.name).description(definition.summary);
    definition.configure(command);
    attach(command, [], context, definition, finish);
  }
  return program;
}

/** Gives every leaf command its action; names of nested commands become the first arguments. */
function attach(
  command: Command,
  path: readonly string[],
  context: CommandContext,
  definition: CommandDefinition,
  finish: (exit: ExitCodeName) => void,
): void {
  for (const child of command.commands) attach(child, [...path, child.name()], context, definition, finish);
  if (command.commands.length > 0) return;
  command.action(async () => {
    finish(await definition.run(context, [...path, ...command.args], command.optsWithGlobals()));
  });
}
