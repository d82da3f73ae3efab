import type { CommandDefinition } from "./command.ts";

/** A command whose module is loaded only when it is wanted: start-up is part of every warm build's time. */
export interface CommandEntry {
  readonly name: string;
  readonly load: () => Promise<CommandDefinition>;
}

/** All commands, in the order of the help text. */
export const commandRegistry: readonly CommandEntry[] = [
  { name: "init", load: async () => (await import("./commands/init.ts")).definition },
  { name: "build", load: async () => (await import("./commands/build.ts")).definition },
  { name: "generate", load: async () => (await import("./commands/generate.ts")).definition },
  { name: "matrix", load: async () => (await import("./commands/matrix.ts")).definition },
  { name: "explain", load: async () => (await import("./commands/explain.ts")).definition },
  { name: "doctor", load: async () => (await import("./commands/doctor.ts")).definition },
  { name: "verify", load: async () => (await import("./commands/verify.ts")).definition },
  { name: "report", load: async () => (await import("./commands/report.ts")).definition },
  { name: "cache", load: async () => (await import("./commands/cache.ts")).definition },
  { name: "clean", load: async () => (await import("./commands/clean.ts")).definition },
  { name: "config", load: async () => (await import("./commands/config.ts")).definition },
];
