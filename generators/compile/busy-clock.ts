/** Adds up the time during which at least one of the works it runs is under way. */
export interface BusyClock {
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Milliseconds so far. */
  total(): number;
}

export function createBusyClock(now: () => number = () => performance.now()): BusyClock {
  let running = 0;
  let since = 0;
  let total = 0;
  return {
    run: async (work) => {
      if (running++ === 0) since = now();
      try {
        return await work();
      } finally {
        if (--running === 0) total += now() - since;
      }
    },
    total: () => total,
  };
}
