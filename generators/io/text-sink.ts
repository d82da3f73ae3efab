import type { TextSink } from "./env.ts";

/** A terminal stream. A reader that goes away (`| head`) ends the output, not the build. */
export function createTextSink(stream: NodeJS.WriteStream): TextSink {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  return {
    // A pseudo-terminal that nobody has given a size says 0, and nothing can be drawn on it.
    isTTY: stream.isTTY === true && stream.columns !== 0,
    get columns() {
      return stream.columns || 80;
    },
    write: (text) => {
      stream.write(text);
    },
  };
}
