import { relative, resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { counted } from "../../counted.ts";
import { TurboSparseError } from "../../errors.ts";
import { compareRecords, slowerThan } from "../../report/compare.ts";
import { comparisonText, slowerSentence } from "../../report/comparison-text.ts";
import { reportPage } from "../../report/page/page.ts";
import { type LabelledRecord, readRecords } from "../../report/record/read.ts";
import type { CommandContext, CommandDefinition } from "../command.ts";
import { unwritableOut } from "../unwritable-out.ts";

interface ReportOptions {
  readonly out: string;
  readonly compare?: boolean;
  /** A share: 0.05 for 5%. */
  readonly failOver?: number;
  readonly allowDifferentGpus?: boolean;
  readonly json?: boolean;
}

export const definition: CommandDefinition = {
  name: "report",
  summary: "draw records of `python -m turbosparse.bench` as one HTML page, or compare two",
  configure: (command: Command) => {
    command
      .argument("<file...>", "records to show; with --compare the one before and the one after")
      .option("--out <file>", "page to write", "report.html")
      .addOption(new Option("--compare", "print how two records differ, and write no page").conflicts("out"))
      .option("--fail-over <percent>", "compare: fail when a result got slower by more, for example 5%", parsePercent)
      .option("--allow-different-gpus", "compare: take records of different GPUs")
      .option("--json", "print JSON");
  },
  run: async (context, files, options) => {
    const { compare, failOver, allowDifferentGpus } = options as unknown as ReportOptions;
    if (compare === true && files.length !== 2) {
      throw wrongUse(`--compare takes two records, one before and one after; ${files.length} given.`);
    }
    if (compare !== true && (failOver !== undefined || allowDifferentGpus !== undefined)) {
      const option = failOver === undefined ? "--allow-different-gpus" : "--fail-over";
      throw wrongUse(`${option} belongs to --compare, which is not given.`);
    }
    const records = await readRecords(context.env, files);
    const [before, after] = records;
    if (compare === true && before !== undefined && after !== undefined) {
      return comparison(context, before, after, options as unknown as ReportOptions);
    }
    return page(context, records, files, options as unknown as ReportOptions);
  },
};

async function page(
  { env, progress }: CommandContext,
  records: readonly LabelledRecord[],
  files: readonly string[],
  { out, json }: ReportOptions,
): Promise<"ok" | "nothingToDo"> {
  const path = resolve(env.cwd, out);
  if (files.some((file) => resolve(env.cwd, file) === path)) {
    throw wrongUse(`--out ${out} would overwrite the record of that name.`);
  }
  const text = reportPage(records);
  const present = await env.fs.readText(path).catch(() => undefined);
  if (json === true) {
    const shown = records.map(({ label, record }) => ({ label, gpu: record.gpu, results: record.results.length }));
    env.stdout.write(`${JSON.stringify({ out: path, records: shown }, null, 2)}\n`);
  }
  const shown = relative(env.cwd, path);
  if (present === text) {
    progress.note(`${shown} shows this already.`);
    return "nothingToDo";
  }
  await env.fs.writeAtomic(path, text).catch((error: unknown) => {
    throw unwritableOut({ code: "TS7011", file: out, cause: error });
  });
  progress.note(`Wrote ${shown} on ${counted(records.length, "record")}.`);
  return "ok";
}

function comparison(
  { env, progress }: CommandContext,
  before: LabelledRecord,
  after: LabelledRecord,
  { failOver, allowDifferentGpus, json }: ReportOptions,
): "ok" {
  const found = compareRecords(before, after, { allowDifferentGpus: allowDifferentGpus === true });
  const slower = failOver === undefined ? [] : slowerThan(found, failOver);
  const data = { before: before.label, after: after.label, failOver: failOver ?? null, ...found, slower };
  env.stdout.write(json === true ? `${JSON.stringify(data, null, 2)}\n` : comparisonText(found, before, after));
  if (found.changes.length === 0) {
    throw new TurboSparseError({
      code: "TS7009",
      exit: "usage",
      message: `${before.label} and ${after.label} have no result in common.`,
      hint: "Results are the same measurement when operator, shape, tokens and density are.",
    });
  }
  if (failOver !== undefined && slower.length > 0) {
    throw new TurboSparseError({
      code: "TS7010",
      exit: "failed",
      message: slowerSentence(slower, found.changes.length, failOver),
      hint: "Measure again on an idle GPU; when it stays, look at what changed between the two records.",
    });
  }
  progress.note(`Compared ${counted(found.changes.length, "result")}.`);
  return "ok";
}

function parsePercent(text: string): number {
  const [, digits] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  if (digits === undefined) throw new InvalidArgumentError("Expected a percentage such as 5% or 2.5%.");
  return Number(digits) / 100;
}

function wrongUse(message: string): TurboSparseError {
  return new TurboSparseError({
    code: "TS7006",
    exit: "usage",
    message,
    hint: "`turbosparse-plugin report --help` shows both ways to use it.",
  });
}
