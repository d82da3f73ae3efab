import { Writable } from "node:stream";
import type { TextSink } from "../../io/env.ts";

/** The part of a terminal stream that listr2 and log-update use. */
export type LineStream = Writable & { readonly columns: number; readonly isTTY: boolean };

export function lineStream(sink: TextSink): LineStream {
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk, _encoding, done) => {
      sink.write(String(chunk));
      done();
    },
  });
  return Object.defineProperties(stream, {
    columns: { get: () => sink.columns },
    isTTY: { value: sink.isTTY },
  }) as LineStream;
}
