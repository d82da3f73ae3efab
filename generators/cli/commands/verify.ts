import { basename, resolve } from "node:path";
import type { Command } from "commander";
import { TurboSparseError } from "../../errors.ts";
import type { Env } from "../../io/env.ts";
import { glibcFloor } from "../../package/elf/glibc.ts";
import { formatTable } from "../../package/format.ts";
import { kernelTable } from "../../package/verify/kernel-table.ts";
import { type Verification, verifyWheel } from "../../package/verify/verify.ts";
import type { CommandDefinition } from "../command.ts";

export const definition: CommandDefinition = {
  name: "verify",
  summary: "compare what a wheel says of itself with what is in it",
  configure: (command: Command) => {
    command.argument("<wheel>", "file to check").option("--json", "print what was found as JSON");
  },
  run: async ({ env }, [wheel = ""], options) => {
    const path = resolve(env.cwd, wheel);
    const result = await verifyWheel(basename(path), await readWheel(env, path, wheel));
    env.stdout.write(options.json === true ? json(result) : text(result));
    if (result.problems.length === 0) return "ok";
    throw new TurboSparseError({
      code: "TS5102",
      exit: "verification",
      message: `${wheel} is not what it says: ${result.problems.join("; ")}.`,
      hint: "Build the wheel again with `turbosparse-plugin build`; do not install this one.",
    });
  },
};

async function readWheel(env: Env, path: string, shown: string): Promise<Uint8Array> {
  try {
    return await env.fs.readBytes(path);
  } catch (error) {
    throw new TurboSparseError({
      code: "TS5101",
      exit: "usage",
      message: `${shown} cannot be read: ${(error as Error).message}.`,
      hint: "Name a wheel that `turbosparse-plugin build` wrote, for example dist/turbosparse-….whl.",
      cause: error,
    });
  }
}

function json({ problems, facts, manifest }: Verification): string {
  return `${JSON.stringify({ ok: problems.length === 0, problems, library: facts, kernels: manifest?.kernels }, null, 2)}\n`;
}

function text({ problems, facts, manifest }: Verification): string {
  const lines: string[] = [];
  if (facts !== undefined) {
    const floor = glibcFloor(facts.dynamic.versions);
    lines.push(
      formatTable([
        ["architectures", facts.archs.join(", ")],
        ["exports", facts.dynamic.exported.join(", ")],
        ["needs", facts.dynamic.needed.join(", ")],
        ["glibc", floor === undefined ? "none" : `${floor.major}.${floor.minor} or newer`],
        ["sha256", facts.sha256],
      ]),
    );
  }
  if (manifest !== undefined) lines.push(kernelTable(manifest.kernels));
  lines.push(
    problems.length === 0 ? "All checks passed.\n" : problems.map((problem) => `problem: ${problem}\n`).join(""),
  );
  return lines.join("\n");
}
