import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { createTextSink } from "../../../generators/io/text-sink.ts";

const terminal = (columns?: number) =>
  createTextSink(Object.assign(new PassThrough(), { columns }) as unknown as NodeJS.WriteStream);

test.each([
  [120, 120],
  [0, 80],
  [undefined, 80],
])("a stream of %s columns is written %s wide", (columns, width) => {
  expect(terminal(columns).columns).toBe(width);
});
