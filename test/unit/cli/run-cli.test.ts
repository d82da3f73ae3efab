import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CommandDefinition } from "../../../generators/cli/command.ts";
import { selectCommands } from "../../../generators/cli/program.ts";
import type { CommandEntry } from "../../../generators/cli/registry.ts";
import { runCli } from "../../../generators/cli/run-cli.ts";
import { ExitCode, type ExitCodeName, TurboSparseError } from "../../../generators/errors.ts";
import { testEnv } from "../../support/env.ts";

const command = (run: CommandDefinition["run"], name = "go"): CommandEntry => ({
  name,
  load: async () => ({
    name,
    summary: `run ${name}`,
    configure: (it) => void it.argument("[words...]").option("--much <n>", "how much"),
    run,
  }),
});

const names = Object.keys(ExitCode) as ExitCodeName[];

describe("runCli", () => {
  it.each(names)("exits with the code of a command that returns %s", async (name) => {
    expect(await runCli(await testEnv(), ["go"], [command(async () => name)])).toBe(ExitCode[name]);
  });

  it.each(names)("exits with the code of an error of kind %s, and prints it", async (exit) => {
    const env = await testEnv();
    const fail = command(async () => {
      throw new TurboSparseError({ code: "TS9999", exit, message: "It broke.", hint: "Mend it." });
    });
    expect(await runCli(env, ["go"], [fail])).toBe(ExitCode[exit]);
    expect(env.err()).toBe("error[TS9999]: It broke.\nhint: Mend it.\n");
    expect(env.out()).toBe("");
  });

  it("calls anything else an internal error and shows its stack only when asked", async () => {
    const fail = command(async () => {
      throw new RangeError("off by one");
    });
    const quiet = await testEnv();
    expect(await runCli(quiet, ["go"], [fail])).toBe(70);
    expect(quiet.err()).toMatch(/^error\[TS1900\]: Unexpected: off by one\nhint: .*report.*--verbose\.\n$/);
    const verbose = await testEnv();
    expect(await runCli(verbose, ["go", "--verbose"], [fail])).toBe(70);
    expect(verbose.err()).toContain("run-cli.test.ts");
  });

  it("tells trouble with the machine from a defect", async () => {
    const throwing = (code: string) =>
      command(async () => {
        throw Object.assign(new Error(`${code}: went wrong, write '/x'`), { code });
      });
    const full = await testEnv();
    expect(await runCli(full, ["go"], [throwing("ENOSPC")])).toBe(3);
    expect(full.err()).toBe("error[TS1902]: ENOSPC: went wrong, write '/x'.\n");
    expect(await runCli(await testEnv(), ["go"], [throwing("ENOENT")])).toBe(70);
  });

  it("exits with 130 when interrupted, whatever the command made of it", async () => {
    const stop = new AbortController();
    const ended: CommandDefinition["run"] = async () => {
      stop.abort();
      return "ok";
    };
    const threw: CommandDefinition["run"] = async () => {
      stop.abort();
      throw new TypeError("aborted somehow");
    };
    for (const run of [ended, threw]) {
      const env = await testEnv({ signal: stop.signal });
      expect(await runCli(env, ["go"], [command(run)])).toBe(130);
      expect(env.err()).toBe("error[TS1901]: Interrupted.\n");
    }
  });

  it("passes arguments and options on, those of the whole program included", async () => {
    const seen: unknown[] = [];
    const record = command(async (_context, args, options) => {
      seen.push(args, options);
      return "ok";
    });
    await runCli(await testEnv(), ["--verbose", "go", "a", "b", "--much", "3"], [record]);
    expect(seen).toEqual([["a", "b"], { verbose: true, much: "3" }]);
  });

  it("makes the names of nested commands the first arguments", async () => {
    const seen: unknown[] = [];
    const nested: CommandEntry = {
      name: "cache",
      load: async () => ({
        name: "cache",
        summary: "look after the cache",
        configure: (it) => void it.command("prune").argument("<age>"),
        run: async (_context, args) => {
          seen.push(args);
          return "ok";
        },
      }),
    };
    expect(await runCli(await testEnv(), ["cache", "prune", "7"], [nested])).toBe(0);
    expect(seen).toEqual([["prune", "7"]]);
  });

  const two = [command(async () => "ok", "build"), command(async () => "ok", "clean")];

  it.each<[string[], string]>([
    [["bild"], "error[TS1001]: Unknown command 'bild'.\nhint: Did you mean build? `--help` lists what there is.\n"],
    [
      ["build", "--mch"],
      "error[TS1002]: Unknown option '--mch'.\nhint: Did you mean --much? `--help` lists what there is.\n",
    ],
    [["--zzz"], "error[TS1002]: Unknown option '--zzz'.\nhint: `--help` lists what there is.\n"],
    [
      ["build", "--much"],
      "error[TS1003]: Option '--much <n>' argument missing.\nhint: `--help` lists what there is.\n",
    ],
  ])("refuses %j", async (argv, message) => {
    const env = await testEnv();
    expect(await runCli(env, argv, two)).toBe(2);
    expect(env.err()).toBe(message);
    expect(env.out()).toBe("");
  });

  it("prints help on stdout when asked, on stderr when nothing was asked", async () => {
    for (const argv of [["--help"], ["help"]]) {
      const asked = await testEnv();
      expect(await runCli(asked, argv, two)).toBe(0);
      expect(asked.out()).toMatch(/Usage: turbosparse-plugin[\s\S]*build .*run build[\s\S]*clean .*run clean/);
      expect(asked.err()).toBe("");
    }
    const bare = await testEnv();
    expect(await runCli(bare, [], two)).toBe(2);
    expect(bare.out()).toBe("");
    expect(bare.err()).toContain("Usage: turbosparse-plugin");
  });

  it("prints the version of package.json", async () => {
    const env = await testEnv();
    await writeFile(join(env.cwd, "package.json"), '{ "version": "1.2.3" }');
    expect(await runCli({ ...env, packageRoot: env.cwd }, ["--version"], two)).toBe(0);
    expect(env.out()).toBe("1.2.3\n");
  });
});

describe("selectCommands", () => {
  const registry = [command(async () => "ok", "build"), command(async () => "ok", "clean")];
  it.each([
    [["build", "clean"], ["build"]],
    [["--verbose", "clean"], ["clean"]],
    [["--help"], ["build", "clean"]],
    [
      ["help", "build"],
      ["build", "clean"],
    ],
    [["bild"], ["build", "clean"]],
    [[], ["build", "clean"]],
  ])("for %j loads %j", (argv, expected) => {
    expect(selectCommands(argv, registry).map((entry) => entry.name)).toEqual(expected);
  });
});
