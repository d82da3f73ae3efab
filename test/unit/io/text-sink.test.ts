import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { createTextSink } from "../../../generators/io/text-sink.ts";

const terminal = (columns?: number) =>
  createTextSink(Object.assign(new PassThrough(), { columns, isTTY: true }) as unknown as NodeJS.WriteStream);

test.each([
  [120, 120],
  [0, 80],
  [undefined, 80],
])("a stream of %s columns is written %s wide", (columns, width) => {
  expect(terminal(columns).columns).toBe(width);
});

test("a terminal without a size is not one to draw on", () => {
  expect(terminal(0).isTTY).toBe(false);
  expect(terminal(120).isTTY).toBe(true);
});
