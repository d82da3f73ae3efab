import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { repositoryRoot } from "../support/env.ts";
import { writeModel } from "../support/model-folder.ts";
import { configs, denseShapes, tiny } from "../support/models.ts";

const main = join(repositoryRoot, "lib/main.mjs");
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "turbosparse-cli-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Starts the command line in a fresh folder, on a machine that has nothing but Node and what `path` holds. */
function start(argv: readonly string[], { path = "", script = main } = {}) {
  return execa(process.execPath, [script, ...argv], {
    cwd: folder,
    env: { PATH: path, HOME: folder, TURBOSPARSE_CACHE: join(folder, "cache") },
    extendEnv: false,
    reject: false,
  });
}

interface Case {
  readonly title: string;
  readonly argv: readonly string[];
  readonly before?: () => Promise<unknown>;
  readonly exitCode: number;
  readonly stdout?: RegExp;
  readonly stderr?: RegExp;
}

const write = (name: string, text: string) => () => writeFile(join(folder, name), text);
const model = (config: object) => () => writeModel(join(folder, "m"), config, denseShapes(tiny, true));
const nothing = /^$/;

const cases: readonly Case[] = [
  { title: "--version", argv: ["--version"], exitCode: 0, stdout: /^\d+\.\d+\.\d+$/, stderr: nothing },
  { title: "--help", argv: ["--help"], exitCode: 0, stdout: /^Usage: turbosparse-plugin/, stderr: nothing },
  { title: "no command", argv: [], exitCode: 2, stdout: nothing, stderr: /^Usage: turbosparse-plugin/ },
  {
    title: "an unknown command",
    argv: ["bild"],
    exitCode: 2,
    stderr: /^error\[TS1001\].*'bild'[\s\S]*Did you mean build\?/,
  },
  {
    title: "an unknown option",
    argv: ["build", "--archs"],
    exitCode: 2,
    stderr: /^error\[TS1002\].*[\s\S]*Did you mean --arch\?/,
  },
  { title: "an unknown action", argv: ["config", "show"], exitCode: 2, stderr: /^error\[TS1003\].*[\s\S]*print/ },
  {
    title: "a timeout beyond what timers take",
    argv: ["build", "--timeout", "3000000"],
    exitCode: 2,
    stderr: /^error\[TS1003\].*from 1 to 604800/,
  },
  { title: "an unknown architecture", argv: ["explain", "--arch", "sm_90"], exitCode: 2, stderr: /^error\[TS1201\]/ },
  { title: "an unknown engine", argv: ["explain", "--engine", "vlm"], exitCode: 2, stderr: /^error\[TS3001\]/ },
  { title: "an unknown preset", argv: ["explain", "--preset", "x"], exitCode: 2, stderr: /^error\[TS2008\]/ },
  {
    title: "a folder that is no model",
    argv: ["explain", "--model", "."],
    exitCode: 2,
    stderr: /^error\[TS2002\]: config.json/,
  },
  {
    title: "a model that is not supported",
    before: model({ architectures: ["OPTForCausalLM"] }),
    argv: ["build", "--model", "m"],
    exitCode: 2,
    stderr: /^error\[TS2001\]: m\/config.json is of architecture "OPTForCausalLM"/,
  },
  {
    title: "a faulty turbosparse.yaml",
    before: write("turbosparse.yaml", "schemaVersion: 1\narch: [sm_90a]\n"),
    argv: ["build"],
    exitCode: 2,
    stderr: /^error\[TS1103\]: turbosparse.yaml:2:1: unknown key "arch".\nhint: Did you mean "archs"\?/,
  },
  {
    title: "init --dry-run",
    argv: ["init", "--dry-run"],
    exitCode: 0,
    stdout: /^# What turbosparse-plugin builds/,
    stderr: nothing,
  },
  { title: "init", argv: ["init"], exitCode: 0, stdout: nothing, stderr: /^Wrote turbosparse.yaml\.$/ },
  {
    title: "init over another file",
    before: write("turbosparse.yaml", "mine\n"),
    argv: ["init"],
    exitCode: 2,
    stderr: /^error\[TS1301\]/,
  },
  {
    title: "init --force over another file",
    before: write("turbosparse.yaml", "mine\n"),
    argv: ["init", "--force"],
    exitCode: 0,
  },
  { title: "init into nowhere", argv: ["init", "--out", "no/where.yaml"], exitCode: 2, stderr: /^error\[TS1303\]/ },
  { title: "init over a folder", argv: ["init", "--out", "."], exitCode: 2, stderr: /^error\[TS1303\]/ },
  { title: "config print without a file", argv: ["config", "print"], exitCode: 2, stderr: /^error\[TS1302\]/ },
  {
    title: "config print --resolved",
    before: model(configs.bamboo),
    argv: ["config", "print", "--resolved", "--model", "m"],
    exitCode: 0,
    stdout: /^schemaVersion: 1\nmodels:\n {2}- name: m\n[\s\S]*predictorRanks: \[64, 128\]\n/,
    stderr: nothing,
  },
  {
    title: "sources that are not there",
    argv: ["generate", "--check", "--preset", "turbosparse-mistral-7b"],
    exitCode: 1,
    stderr: /^dist\/src is not what would be generated/,
  },
  { title: "a machine without Python and nvcc", argv: ["build"], exitCode: 3, stderr: /error\[TS4\d{3}\]: .*\nhint: / },
];

describe("the command line", () => {
  it.each(cases)("$title exits with $exitCode", async ({ argv, before, exitCode, stdout, stderr }) => {
    await before?.();
    const result = await start(argv);
    expect(result.exitCode, result.stderr).toBe(exitCode);
    if (stdout !== undefined) expect(result.stdout).toMatch(stdout);
    if (stderr !== undefined) expect(result.stderr).toMatch(stderr);
  });

  it("exits with 4 when there is nothing to do", async () => {
    expect((await start(["init"])).exitCode).toBe(0);
    expect((await start(["init"])).exitCode).toBe(4);
  });

  it("writes a file with init that config print understands", async () => {
    await writeModel(join(folder, "m"), configs.qwen2, denseShapes());
    expect((await start(["init", "--model", "m"])).stderr).toMatch(/^error\[TS2401\]/);
    await start(["init", "--model", "m", "--activation", "drelu", "--arch", "sm_80"]);
    const printed = await start(["config", "print", "--resolved", "--origin", "--json"]);
    expect(JSON.parse(printed.stdout)).toMatchObject({
      models: [{ name: "m", activation: "drelu", hidden: tiny.hidden }],
      archs: ["sm_80"],
      origins: {
        "models[0].activation": { source: "file", detail: expect.stringMatching(/^turbosparse.yaml:\d+:\d+$/) },
        "models[0].hidden": { source: "model", detail: "m/config.json#hidden_size" },
      },
    });
  });

  it("exits with 70 for a defect, with the stack only when asked", async () => {
    // A copy of the bundle beside a package.json that is not JSON: no such installation can exist.
    await cp(dirname(main), join(folder, "lib"), { recursive: true });
    await writeFile(join(folder, "package.json"), "{");
    const script = join(folder, "lib", "main.mjs");
    const quiet = await start(["--version"], { script });
    expect(quiet).toMatchObject({ exitCode: 70, stdout: "" });
    expect(quiet.stderr).toMatch(/^error\[TS1900\]: .*\nhint: .*$/);
    expect((await start(["--version", "--verbose"], { script })).stderr).toMatch(/\n {4}at /);
  });

  it("exits with 130 on Ctrl+C, and leaves no process behind", async () => {
    const bin = join(folder, "bin");
    const pidFile = join(folder, "pid");
    await mkdir(bin);
    await writeFile(join(bin, "nvidia-smi"), `#!/bin/sh\necho $$ > ${pidFile}\nexec sleep 60\n`);
    await chmod(join(bin, "nvidia-smi"), 0o755);
    const running = start(["config", "print", "--resolved"], { path: `${bin}:/usr/bin:/bin` });
    let pid = "";
    while (pid === "") {
      await wait(20);
      pid = await readFile(pidFile, "utf8").catch(() => "");
    }
    running.kill("SIGINT");
    const result = await running;
    expect(result).toMatchObject({ exitCode: 130, stdout: "", stderr: "error[TS1901]: Interrupted." });
    await expect(readFile(`/proc/${pid.trim()}/cmdline`, "utf8").catch(() => "")).resolves.not.toContain("sleep");
  });

  it("ends quietly when the reader of its output goes away", async () => {
    const result = await execa(`'${process.execPath}' '${main}' explain --json | head -c 1`, {
      shell: "/bin/bash",
      cwd: folder,
      reject: false,
    });
    expect(result).toMatchObject({ stdout: "[", stderr: "" });
  });
});
