import { join } from "node:path";
import { expect } from "vitest";
import { readModelFolder } from "../../generators/model/read-model-folder.ts";
import type { ModelChoices } from "../../generators/model/reading.ts";
import { testEnv } from "./env.ts";

/** Reads the folder `m` after `write` and returns the error. */
export async function failure(write: (folder: string) => Promise<void>, choices: ModelChoices = {}) {
  const env = await testEnv();
  await write(join(env.cwd, "m"));
  return readModelFolder(env, "m", choices, "--model").then(
    (reading) => expect.fail(`read as ${JSON.stringify(reading.spec)}`),
    (error: unknown) => error,
  );
}
