import { Argument, type Command, InvalidArgumentError } from "commander";
import {
  damagedEntries,
  type InventoryItem,
  listEntries,
  removeEntry,
  staleTempFolders,
} from "../../compile/cache/inventory.ts";
import { cacheRoot } from "../../compile/cache/location.ts";
import { counted } from "../../counted.ts";
import type { ExitCodeName } from "../../errors.ts";
import { TurboSparseError } from "../../errors.ts";
import { formatBytes, formatTable } from "../../package/format.ts";
import type { CommandContext, CommandDefinition } from "../command.ts";

interface CacheOptions {
  readonly olderThan: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

type Action = (context: CommandContext, options: CacheOptions) => Promise<ExitCodeName>;

const dayMs = 24 * 3600 * 1000;
/** Longer than any step of a build writes nothing: the default limit of one translation unit, twice. */
const staleTempMs = 3600 * 1000;

export const definition: CommandDefinition = {
  name: "cache",
  summary: "show, check or empty the cache of compiled kernels and the installed toolchain",
  configure: (command: Command) => {
    command
      .addArgument(new Argument("<action>", "what to do").choices(["dir", "list", "prune", "verify", "clear"]))
      .option("--older-than <days>", "prune: remove entries not used for this long", days, 30)
      .option("--dry-run", "prune, clear: print what would be removed, and remove nothing")
      .option("--json", "print JSON");
  },
  run: async (context, [action = ""], options) => {
    const chosen = actions[action];
    if (chosen === undefined) throw new Error(`The command line let the action ${action} through.`);
    return chosen(context, options as unknown as CacheOptions);
  },
};

const actions: Readonly<Record<string, Action>> = {
  dir: async ({ env }, { json }) => {
    const root = cacheRoot(env);
    env.stdout.write(json === true ? `${JSON.stringify({ dir: root })}\n` : `${root}\n`);
    return "ok";
  },

  list: async ({ env }, { json }) => {
    const items = await listEntries(env.fs, cacheRoot(env));
    const total = items.reduce((sum, { bytes }) => sum + bytes, 0);
    env.stdout.write(
      json === true
        ? jsonText(items)
        : `${itemTable(items)}${counted(items.length, "entry", "entries")}, ${formatBytes(total)}\n`,
    );
    return "ok";
  },

  prune: async (context, options) => {
    const { env } = context;
    const root = cacheRoot(env);
    const now = Date.now();
    const damaged = await damagedEntries(env.fs, root);
    const unused = (await listEntries(env.fs, root)).filter(
      (item) => item.lastUsedMs < now - options.olderThan * dayMs,
    );
    const items = [...new Map([...damaged, ...unused].map((item) => [`${item.kind}/${item.key}`, item])).values()];
    return remove(context, options, items, await staleTempFolders(env.fs, root, now - staleTempMs));
  },

  verify: async ({ env }, { json }) => {
    const root = cacheRoot(env);
    const damaged = await damagedEntries(env.fs, root);
    const count = (await listEntries(env.fs, root)).length;
    if (json === true) env.stdout.write(jsonText(damaged));
    else for (const { kind, key, reason } of damaged) env.stdout.write(`${kind}/${key}: ${reason}\n`);
    if (damaged.length === 0) {
      if (json !== true) env.stdout.write(`${counted(count, "entry", "entries")}, all intact\n`);
      return "ok";
    }
    throw new TurboSparseError({
      code: "TS6004",
      exit: "cache",
      message: `${damaged.length} of ${count} entries of the cache ${root} are damaged.`,
      hint: "`turbosparse-plugin cache prune` removes them; a build does so by itself for those it meets.",
    });
  },

  clear: async (context, options) => {
    const { env } = context;
    const root = cacheRoot(env);
    return remove(context, options, await listEntries(env.fs, root), await staleTempFolders(env.fs, root, Date.now()));
  },
};

async function remove(
  { env, progress }: CommandContext,
  { dryRun, json }: CacheOptions,
  items: readonly InventoryItem[],
  folders: readonly string[],
): Promise<ExitCodeName> {
  const root = cacheRoot(env);
  if (dryRun !== true) {
    for (const { kind, key } of items) await removeEntry(env.fs, root, kind, key);
    for (const folder of folders) await env.fs.remove(folder);
  }
  if (json === true) env.stdout.write(jsonText([...items, ...folders.map((path) => ({ path }))]));
  else env.stdout.write(`${itemTable(items)}${folders.map((folder) => `${folder}\n`).join("")}`);
  if (items.length + folders.length === 0) {
    progress.note("There is nothing to remove.");
    return "nothingToDo";
  }
  const bytes = formatBytes(items.reduce((sum, item) => sum + item.bytes, 0));
  progress.note(
    `${dryRun === true ? "Would remove" : "Removed"} ${counted(items.length, "entry", "entries")} (${bytes}) and ${counted(folders.length, "temporary folder")}.`,
  );
  return "ok";
}

function itemTable(items: readonly InventoryItem[]): string {
  return formatTable(
    items.map(({ kind, key, label, bytes, lastUsedMs }) => [
      kind,
      key.slice(0, 12),
      formatBytes(bytes),
      new Date(lastUsedMs).toISOString().slice(0, 10),
      label ?? "(damaged)",
    ]),
  );
}

const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

function days(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("It must be a number of days.");
  return value;
}
