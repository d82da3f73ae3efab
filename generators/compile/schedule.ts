import PQueue from "p-queue";
import type { SystemProbe } from "../io/env.ts";
import { jobLimit } from "./jobs.ts";

/** The compiler was killed from outside, most likely for want of memory: worth another try when nothing else runs. */
export class KilledError extends Error {
  override readonly name = "KilledError";
}

/**
 * Runs jobs side by side within `maxJobs` and free memory, which is looked at again whenever one ends. Jobs that were
 * killed run once more, one at a time, after all others. Waits for what is running, then rejects with the first failure
 * in the order of the jobs; none is started after one failed.
 */
export async function schedule<Job, Value>(
  jobs: readonly Job[],
  work: (job: Job) => Promise<Value>,
  system: Pick<SystemProbe, "availableMemory">,
  maxJobs: number,
): Promise<Value[]> {
  const values = new Map<Job, Value>();
  const failures = new Map<Job, unknown>();
  const killed: Job[] = [];
  const queue = new PQueue({ concurrency: jobLimit(maxJobs, await system.availableMemory(), 0) });

  const attempt = async (job: Job, onKilled: (error: KilledError) => void): Promise<void> => {
    if (failures.size > 0) return;
    try {
      values.set(job, await work(job));
    } catch (error) {
      if (error instanceof KilledError) onKilled(error);
      else failures.set(job, error);
    }
  };

  const attemptAndAdjust = async (job: Job): Promise<void> => {
    await attempt(job, () => killed.push(job));
    queue.concurrency = jobLimit(maxJobs, await system.availableMemory(), queue.pending - 1);
  };

  await queue.addAll(jobs.map((job) => () => attemptAndAdjust(job)));
  for (const job of killed) await attempt(job, (error) => failures.set(job, error));

  return jobs.map((job) => {
    if (failures.size > 0) throw firstOf(jobs, failures);
    return values.get(job) as Value;
  });
}

function firstOf<Job>(jobs: readonly Job[], failures: ReadonlyMap<Job, unknown>): unknown {
  return failures.get(jobs.find((job) => failures.has(job)) as Job);
}
