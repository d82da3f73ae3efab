import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBusyClock } from "../../../generators/compile/busy-clock.ts";
import { bytesPerJob, jobLimit } from "../../../generators/compile/jobs.ts";
import { KilledError, schedule } from "../../../generators/compile/schedule.ts";

const roomy = { availableMemory: async () => 100 * bytesPerJob };

describe("jobLimit", () => {
  it("is at least one, at most the processors, and leaves memory for each new job", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 256 }),
        fc.double({ min: 0, max: 2 ** 42, noNaN: true }),
        fc.nat(64),
        (cpus, free, running) => {
          const limit = jobLimit(cpus, free, running);
          expect(limit).toBeGreaterThanOrEqual(1);
          expect(limit).toBeLessThanOrEqual(cpus);
          if (limit > 1) expect((limit - running) * bytesPerJob).toBeLessThanOrEqual(free);
        },
      ),
    );
  });
});

describe("schedule", () => {
  it("returns the values in the order of the jobs and never runs more than allowed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(3), { maxLength: 12 }),
        fc.integer({ min: 1, max: 4 }),
        async (delays, maxJobs) => {
          let running = 0;
          let most = 0;
          const jobs = delays.map((delay, index) => ({ delay, index }));
          const work = async ({ delay, index }: (typeof jobs)[number]): Promise<number> => {
            most = Math.max(most, ++running);
            await sleep(delay);
            running--;
            return index;
          };
          expect(await schedule(jobs, work, roomy, maxJobs)).toEqual(jobs.map(({ index }) => index));
          expect(most).toBeLessThanOrEqual(maxJobs);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("runs one job at a time when memory has room for no more", async () => {
    let running = 0;
    const work = async (): Promise<void> => {
      expect(++running).toBe(1);
      await sleep(1);
      running--;
    };
    await schedule([1, 2, 3], work, { availableMemory: async () => bytesPerJob / 2 }, 8);
  });

  it("widens when memory becomes free", async () => {
    let free = 0;
    let running = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await sleep(5);
      free = 10 * bytesPerJob;
      running--;
    };
    await schedule([1, 2, 3, 4], work, { availableMemory: async () => free }, 2);
    expect(most).toBe(2);
  });

  it("tries a killed job once more, alone and after the others", async () => {
    const order: string[] = [];
    const work = async (job: string): Promise<string> => {
      order.push(job);
      await sleep(1);
      if (job === "heavy" && order.filter((name) => name === job).length === 1) throw new KilledError("killed");
      return job.toUpperCase();
    };
    expect(await schedule(["heavy", "a", "b"], work, roomy, 2)).toEqual(["HEAVY", "A", "B"]);
    expect(order.at(-1)).toBe("heavy");
  });

  it("gives up on a job that is killed again", async () => {
    let attempts = 0;
    const work = async (): Promise<void> => {
      attempts++;
      throw new KilledError("killed");
    };
    await expect(schedule(["x"], work, roomy, 1)).rejects.toThrow(KilledError);
    expect(attempts).toBe(2);
  });

  it("waits for what runs, starts nothing more, and rejects with the failure of the first job", async () => {
    const finished: number[] = [];
    const started: number[] = [];
    const work = async (job: number): Promise<void> => {
      started.push(job);
      await sleep(job === 0 ? 10 : 1);
      finished.push(job);
      throw new Error(`job ${job}`);
    };
    await expect(schedule([0, 1, 2, 3], work, roomy, 2)).rejects.toThrow("job 0");
    expect(finished.sort()).toEqual(started.sort());
    expect(started).toEqual([0, 1]);
  });
});

describe("createBusyClock", () => {
  it("counts overlapping works once", async () => {
    let now = 0;
    const clock = createBusyClock(() => now);
    let endFirst = (): void => {};
    const first = clock.run(() => new Promise<void>((resolve) => (endFirst = resolve)));
    now = 10;
    const second = clock.run(async () => {
      now = 30;
    });
    await second;
    endFirst();
    await first;
    now = 100;
    await clock.run(async () => {
      now = 105;
    });
    expect(clock.total()).toBe(35);
  });
});
