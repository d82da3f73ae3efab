import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type AxisMaker,
  bytesAxis,
  densityAxis,
  microsecondsAxis,
  speedupAxis,
  tokensAxis,
} from "../../../generators/report/plot/axis.ts";
import { indexAtLeast, indexAtMost, preferredNumbers } from "../../../generators/report/plot/preferred-numbers.ts";
import { spread } from "../../../generators/report/plot/spread.ts";

const labels = (make: AxisMaker, values: readonly number[]) => make(values, [0, 100]).ticks.map(({ label }) => label);

describe("axes", () => {
  it("put doublings of tokens equally far apart", () => {
    const { position } = tokensAxis([1, 16], [0, 100]);
    expect([1, 2, 4, 8, 16].map(position)).toEqual([0, 25, 50, 75, 100]);
  });

  it("begin densities at 0", () => {
    expect(densityAxis([0.05, 0.2], [0, 100]).position(0)).toBe(0);
    expect(labels(densityAxis, [0.05, 0.2])).toEqual(["0%", "5%", "10%", "15%", "20%"]);
  });

  it("put a half and a double of dense equally far from dense", () => {
    const { position } = speedupAxis([0.5, 2], [100, 0]);
    expect(position(1) - position(2)).toBeCloseTo(position(0.5) - position(1));
  });

  it.each([
    ["tokens", tokensAxis, [1, 2, 64], ["1", "2", "4", "8", "16", "32", "64"]],
    ["many tokens", tokensAxis, [1, 4096], ["1", "4", "16", "64", "256", "1024", "4096"]],
    ["one number of tokens", tokensAxis, [1], ["1", "2"]],
    ["speed-ups", speedupAxis, [0.6, 6.4], ["0.5×", "1×", "2×", "4×", "8×"]],
    ["speed-ups near dense", speedupAxis, [0.99, 1.1], ["1×", "0.75×", "1.5×"]],
    ["bytes", bytesAxis, [1.7e7, 1.2e8], ["10 MB", "20 MB", "50 MB", "100 MB", "200 MB"]],
    ["bytes over decades", bytesAxis, [1e3, 1e9], ["1 kB", "10 kB", "100 kB", "1 MB", "10 MB", "100 MB", "1 GB"]],
    ["one time that is a tick", microsecondsAxis, [10], ["5", "10", "20"]],
    ["times below 1", microsecondsAxis, [0.3, 0.9], ["0.2", "0.5", "1"]],
    ["no density at all", densityAxis, [0], ["0%", "0.2%", "0.4%", "0.6%", "0.8%", "1%"]],
  ])("mark %s", (_, make, values, expected) => {
    expect(labels(make, values)).toEqual(expected);
  });

  const positive = fc.double({ min: 1e-3, max: 1e12, noNaN: true });
  it.each([
    ["bytes", bytesAxis, positive],
    ["microseconds", microsecondsAxis, positive],
    ["speed-up", speedupAxis, fc.double({ min: 1e-3, max: 1e3, noNaN: true })],
    ["tokens", tokensAxis, fc.integer({ min: 1, max: 1 << 20 })],
    ["density", densityAxis, fc.double({ min: 0, max: 1, noNaN: true })],
  ])("keep all %s within the range, with at most nine ticks", (_, make, value) => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), (values) => {
        const axis = make(values, [0, 100]);
        for (const place of [...values, ...axis.ticks.map((tick) => tick.value)].map(axis.position)) {
          expect(place).toBeGreaterThanOrEqual(-1e-6);
          expect(place).toBeLessThanOrEqual(100 + 1e-6);
        }
        expect(axis.ticks.length).toBeGreaterThan(0);
        expect(axis.ticks.length).toBeLessThanOrEqual(9);
      }),
    );
  });
});

describe("preferred numbers", () => {
  it("are exact on both sides of 1", () => {
    expect(preferredNumbers(-4, 4)).toEqual([0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20]);
  });

  it("enclose any value", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1e15, noNaN: true }), (value) => {
        const [below, above] = [indexAtMost(value), indexAtLeast(value)];
        expect(preferredNumbers(below, below)[0]).toBeLessThanOrEqual(value);
        expect(preferredNumbers(above, above)[0]).toBeGreaterThanOrEqual(value);
        expect(above - below).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("spread", () => {
  it("leaves labels alone that do not touch", () => {
    expect(spread([50, 10, 90], 15, 0, 100)).toEqual([50, 10, 90]);
  });

  it("moves labels apart in their order, within the limits", () => {
    expect(spread([98, 97, 99], 15, 0, 100)).toEqual([85, 70, 100]);
    expect(spread([2, 1, 2], 15, 0, 100)).toEqual([16, 1, 31]);
  });

  it("keeps the gap whatever the wishes", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -50, max: 150, noNaN: true }), { maxLength: 7 }), (wishes) => {
        const places = spread(wishes, 15, 0, 100).toSorted((a, b) => a - b);
        for (const [index, place] of places.entries()) {
          expect(place).toBeGreaterThanOrEqual(0 - 1e-9);
          expect(place).toBeLessThanOrEqual(100 + 1e-9);
          if (index > 0) expect(place - (places[index - 1] ?? 0)).toBeGreaterThanOrEqual(15 - 1e-9);
        }
      }),
    );
  });
});
