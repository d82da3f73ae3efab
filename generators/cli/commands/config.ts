import { Argument, type Command } from "commander";
import { loadConfig } from "../../config/load.ts";
import { configDocument, resolvedData } from "../../config/print.ts";
import { resolveConfig } from "../../config/resolve.ts";
import { findEngine } from "../../engines/registry.ts";
import { TurboSparseError } from "../../errors.ts";
import type { CommandDefinition } from "../command.ts";
import { addConfigOptions, configOptions } from "../config-options.ts";

interface PrintOptions {
  readonly resolved?: boolean;
  readonly origin?: boolean;
  readonly json?: boolean;
}

export const definition: CommandDefinition = {
  name: "config",
  summary: "print the configuration, as written or with everything resolved",
  configure: (command: Command) => {
    addConfigOptions(command.addArgument(new Argument("<action>", "what to do").choices(["print"])))
      .option("--resolved", "with defaults, the shapes read from the models and the architectures found")
      .option("--origin", "also say where each value came from; implies --resolved")
      .option("--json", "print JSON instead of YAML");
  },
  run: async ({ env }, _args, options) => {
    const { resolved, origin, json } = options as PrintOptions;
    const inputs = configOptions(options);
    if (resolved !== true && origin !== true) {
      const loaded = await loadConfig(env, inputs);
      if (loaded === undefined) throw noFile();
      env.stdout.write(json === true ? `${JSON.stringify(loaded.file, null, 2)}\n` : configDocument(loaded.file));
      return "ok";
    }
    const config = await resolveConfig(env, inputs);
    for (const engine of config.engines) findEngine(engine, config.origins.get("engines")?.detail ?? "engines");
    const origins = origin === true ? config.origins : new Map();
    const data = resolvedData(config);
    if (json === true) {
      const value = origin === true ? { ...data, origins: Object.fromEntries(origins) } : data;
      env.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    } else {
      env.stdout.write(configDocument(data, origins));
    }
    return "ok";
  },
};

function noFile(): TurboSparseError {
  return new TurboSparseError({
    code: "TS1302",
    exit: "usage",
    message: "There is no turbosparse.yaml in this folder.",
    hint: "`config print --resolved` shows what is built without one; `init` writes one.",
  });
}
