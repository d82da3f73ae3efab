type Update = (detail: string) => void;

/** The lines under a running task: its own detail, then one line for each sub-task that runs. */
export function subTasks(show: (text: string) => void): {
  describe: Update;
  run<T>(title: string, work: (update: Update) => Promise<T>): Promise<T>;
} {
  let detail = "";
  const running = new Map<symbol, string>();
  const refresh = (): void => show([detail, ...running.values()].filter((line) => line !== "").join("\n"));
  return {
    describe: (text) => {
      detail = text;
      refresh();
    },
    run: async (title, work) => {
      const key = Symbol(title);
      const line = (text: string): void => {
        running.set(key, text);
        refresh();
      };
      line(title);
      try {
        return await work((text) => line(`${title}: ${text}`));
      } finally {
        running.delete(key);
        refresh();
      }
    },
  };
}
