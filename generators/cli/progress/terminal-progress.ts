import type { TextSink } from "../../io/env.ts";
import type { Progress } from "../command.ts";
import { lineStream } from "./line-stream.ts";
import { subTasks } from "./sub-tasks.ts";

/** A live task list. Tasks that begin while another runs are lines under it, gone when they end. */
export function terminalProgress(sink: TextSink): Progress {
  const stream = lineStream(sink);
  let outermost: ReturnType<typeof subTasks> | undefined;
  return {
    task: async (title, work) => {
      if (outermost !== undefined) return outermost.run(title, work);
      // Loaded here: a build whose progress goes to a file or a pipe never needs the renderer.
      const { runLive } = await import("./run-live.ts");
      return runLive(stream, title, async (show) => {
        const lines = subTasks(show);
        outermost = lines;
        try {
          return await work(lines.describe);
        } finally {
          outermost = undefined;
        }
      });
    },
    // While a list is shown, its renderer holds the line back until the list has ended.
    note: (text) => {
      stream.write(`${text}\n`);
    },
  };
}
