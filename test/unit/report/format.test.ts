import { describe, expect, it } from "vitest";
import {
  change,
  megabytes,
  microseconds,
  percent,
  percentFixed,
  tickBytes,
  times,
} from "../../../generators/report/format.ts";

describe("numbers", () => {
  it.each([
    [percent(0), "0%"],
    [percent(0.1), "10%"],
    [percent(0.125), "12.5%"],
    [percent(0.07), "7%"],
    [percentFixed(0.0894), "8.9%"],
    [times(0.985), "0.98×"],
    [times(6.354), "6.35×"],
    [microseconds(0.5), "0.500"],
    [microseconds(9.666), "9.67"],
    [microseconds(13.65), "13.7"],
    [microseconds(6553.6), "6554"],
    [megabytes(35_241_984), "35.2"],
    [tickBytes(500), "500 B"],
    [tickBytes(2e7), "20 MB"],
    [tickBytes(1e9), "1 GB"],
    [change(0.0523), "+5.2%"],
    [change(-0.1), "−10.0%"],
    [change(-0.0001), "0.0%"],
  ])("%s is %s", (text, expected) => {
    expect(text).toBe(expected);
  });
});
