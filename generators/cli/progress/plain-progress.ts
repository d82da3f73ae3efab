import type { TextSink } from "../../io/env.ts";
import type { Progress } from "../command.ts";

/** What surrounds an outermost task. */
export interface Frame {
  open(title: string): string;
  close(): string;
}

const plainFrame: Frame = { open: (title) => `${title}\n`, close: () => "" };

/** A line when a task begins and one for each new detail. Tasks that begin while another runs are indented. */
export function plainProgress(sink: TextSink, frame: Frame = plainFrame): Progress {
  let running = 0;
  return {
    task: async (title, work) => {
      const outermost = running === 0;
      running++;
      sink.write(outermost ? frame.open(title) : `  ${title}\n`);
      let shown = "";
      try {
        return await work((detail) => {
          if (detail !== shown) sink.write(`  ${outermost ? "" : `${title}: `}${detail}\n`);
          shown = detail;
        });
      } finally {
        running--;
        if (outermost) sink.write(frame.close());
      }
    },
    note: (text) => sink.write(`${text}\n`),
  };
}
