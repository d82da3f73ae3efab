import { DefaultRenderer, Listr, ListrLogger, ProcessOutput } from "listr2";
import type { LineStream } from "./line-stream.ts";

/** listr2 asks whether stdout is a terminal; this one draws on stderr, which the caller has checked. */
class StderrRenderer extends DefaultRenderer {
  static override readonly nonTTY = true;
}

/** Shows `title` with a spinner while `work` runs, and below it what `show` was last given. */
export async function runLive<T>(
  stream: LineStream,
  title: string,
  work: (show: (text: string) => void) => Promise<T>,
): Promise<T> {
  // listr2 declares whole terminal streams but uses only writing and the width.
  const output = stream as unknown as NodeJS.WriteStream;
  const results: T[] = [];
  const list = new Listr(
    {
      title,
      task: async (_context, task) => {
        results.push(
          await work((text) => {
            task.output = text;
          }),
        );
      },
    },
    {
      renderer: StderrRenderer,
      rendererOptions: {
        // The caller reports errors, once and in its own format.
        showErrorMessage: false,
        logger: new ListrLogger({
          useIcons: true,
          processOutput: new ProcessOutput(output, output, { leaveEmptyLine: false }),
        }),
      },
      // The entry point's handler aborts the work so that it can clean up; listr2's would exit at once.
      registerSignalListeners: false,
    },
  );
  await list.run();
  return results[0] as T;
}
