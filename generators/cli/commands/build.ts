import { relative, resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { isIntact } from "../../compile/cache/inventory.ts";
import { cacheRoot } from "../../compile/cache/location.ts";
import { type CacheStore, findEntry, openStore } from "../../compile/cache/store.ts";
import { keyUnits } from "../../compile/compile.ts";
import { availableTensorRtHeaders } from "../../compile/toolchain/tensorrt.ts";
import { availableToolchain, withTensorRt } from "../../compile/toolchain/toolchain.ts";
import type { Unit } from "../../compile/types.ts";
import { resolveConfig } from "../../config/resolve.ts";
import { buildProducts, type PlannedProduct, planProducts } from "../../package/build.ts";
import { formatTable } from "../../package/format.ts";
import { readPackageInputs } from "../../package/inputs.ts";
import { artifactPaths } from "../../package/outcome.ts";
import { ownMs, summaryText } from "../../package/summary.ts";
import type { CommandContext, CommandDefinition } from "../command.ts";
import { addConfigOptions, configOptions } from "../config-options.ts";

interface BuildCommandOptions {
  readonly out: string;
  readonly jobs?: number;
  readonly timeout: number;
  readonly allowSpills?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const definition: CommandDefinition = {
  name: "build",
  summary: "compile the kernels for the configured models and write the wheel, or what other engines take",
  configure: (command: Command) => {
    addConfigOptions(command)
      .option("--out <dir>", "folder for the wheel and for the folders of other engines", "dist")
      .option("--jobs <n>", "compilers at once (default: as processors and free memory allow)", wholeNumber(1024))
      .option("--timeout <seconds>", "limit for one translation unit", wholeNumber(7 * 24 * 3600), 1800)
      .option("--allow-spills", "build kernels too that keep registers in memory, and say which they are")
      .option("--dry-run", "print the translation units and whether each is cached, and write nothing")
      .option("--json", "print the outcome as JSON");
  },
  run: async (context, _args, options) => {
    const build = options as unknown as BuildCommandOptions;
    const config = await resolveConfig(context.env, configOptions(options));
    const inputs = await readPackageInputs(context.env);
    if (build.dryRun === true) return dryRun(context, planProducts(config, inputs).products, build.json === true);
    const { env, progress } = context;
    const store = await openStore(env, progress.note);
    try {
      const outcome = await buildProducts(
        env,
        store,
        config,
        inputs,
        {
          out: resolve(env.cwd, build.out),
          maxJobs: build.jobs ?? env.system.cpuCount,
          timeoutMs: build.timeout * 1000,
          allowSpills: build.allowSpills === true,
        },
        progress,
      );
      // Node's clock starts with the process: what a user waits for.
      const wallMs = performance.now();
      const shown = artifactPaths(outcome).map((path) => relative(env.cwd, path) || path);
      const be = shown.length === 1 ? "is" : "are";
      progress.note(outcome.upToDate ? `${shown.join(" and ")} ${be} up to date.` : `Wrote ${shown.join(" and ")}.`);
      if (build.json === true) {
        env.stdout.write(`${JSON.stringify({ ...outcome, wallMs, ownMs: ownMs(outcome, wallMs) }, null, 2)}\n`);
      } else {
        env.stdout.write(summaryText(outcome, wallMs));
      }
      return "ok";
    } finally {
      await store.close();
    }
  },
};

/** Looks, installs nothing and writes nothing: without a compiler nothing is known of the cache. */
async function dryRun(
  { env, progress }: CommandContext,
  products: readonly PlannedProduct[],
  json: boolean,
): Promise<"ok"> {
  const root = cacheRoot(env);
  const find: CacheStore["find"] = (kind, key) => findEntry(env.fs, root, kind, key);
  const toolchain = await availableToolchain(env, find);
  if (toolchain === undefined)
    progress.note("No usable nvcc is here yet: a build would install it, so nothing is cached.");
  const tensorRt = await availableTensorRtHeaders(env, find);
  const whole = toolchain !== undefined && tensorRt !== undefined ? withTensorRt(toolchain, tensorRt) : toolchain;
  // The generated units are the same in every product.
  const units = new Map(products.flatMap((product) => product.units.map((unit) => [unitId(unit), unit])));
  const rows = await Promise.all(
    [...units.values()].map(async (unit) => {
      const [keyed] = whole === undefined ? [] : keyUnits([unit], whole);
      const cached = keyed !== undefined && (await isIntact(env.fs, root, "objects", keyed.key));
      return { path: unit.path, archs: unit.archs, action: cached ? "cached" : "compile" };
    }),
  );
  if (json) {
    env.stdout.write(`${JSON.stringify({ units: rows }, null, 2)}\n`);
  } else {
    env.stdout.write(
      formatTable([["unit", "archs", "action"], ...rows.map((row) => [row.path, row.archs.join(","), row.action])]),
    );
  }
  return "ok";
}

const unitId = ({ path, flags }: Unit): string => [path, ...flags].join(" ");

/** The bound keeps a timeout within what timers take: beyond 24 days they fire at once. */
function wholeNumber(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1 && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${max}.`);
  };
}
