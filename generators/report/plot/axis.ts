import { scaleLinear, scaleLog } from "d3-scale";
import { percent, tick, tickBytes } from "../format.ts";
import { indexAtLeast, indexAtMost, isPowerOfTen, preferredNumbers } from "./preferred-numbers.ts";

/** Where an axis puts its values on the canvas. */
export interface Axis {
  readonly title: string;
  readonly position: (value: number) => number;
  readonly domain: readonly [number, number];
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
}

/** Makes an axis for the values to be shown, from one canvas coordinate to another. There is at least one value. */
export type AxisMaker = (values: readonly number[], range: readonly [number, number]) => Axis;

/** Doublings of a number are equally far apart. */
export const doublingsAxis =
  (title: string): AxisMaker =>
  (values, range) => {
    const [low, high] = extent(values);
    const first = Math.floor(Math.log2(low));
    const last = Math.max(Math.ceil(Math.log2(high)), first + 1);
    const powers = thin(powersOfTwo(first, last), 9);
    return logAxis(title, 2, [2 ** first, 2 ** last], range, powers, String);
  };

export const tokensAxis: AxisMaker = doublingsAxis("tokens per call");

/** Shares, from 0. */
export const shareAxis =
  (title: string): AxisMaker =>
  (values, range) => {
    const [, high] = extent(values);
    const scale = scaleLinear()
      .domain([0, Math.max(high, 0.01)])
      .nice(5)
      .range(range);
    const [low = 0, top = 1] = scale.domain();
    const ticks = scale.ticks(5).map((value) => ({ value, label: percent(value) }));
    return { title, position: (value) => scale(value), domain: [low, top], ticks };
  };

/** Active neurons of one token. */
export const densityAxis: AxisMaker = shareAxis("active neurons of a token");

/** Twice as fast is as far above dense as half as fast is below. */
export const speedupAxis: AxisMaker = (values, range) => {
  const [low, high] = extent([...values, 1]);
  const domain = [halfOctave(low, Math.floor), halfOctave(Math.max(high, 1.5), Math.ceil)] as const;
  const [first, last] = [Math.ceil(Math.log2(domain[0])), Math.floor(Math.log2(domain[1]))];
  const powers = powersOfTwo(first, last);
  const between = powersOfTwo(first - 1, last).map((power) => power * 1.5);
  const inside = between.filter((value) => domain[0] <= value && value <= domain[1]);
  const ticks = powers.length > 3 ? thin(powers, 8) : [...powers, ...inside];
  return logAxis("speed-up over dense", 2, domain, range, ticks, (value) => `${tick(value)}×`);
};

export const bytesAxis: AxisMaker = (values, range) => decimalAxis("bytes that must be read", values, range, tickBytes);

export const microsecondsAxis: AxisMaker = (values, range) => decimalAxis("time, µs", values, range, tick);

function decimalAxis(
  title: string,
  values: readonly number[],
  range: readonly [number, number],
  label: (value: number) => string,
): Axis {
  const [low, high] = extent(values);
  const [first, last] = [indexAtMost(low), indexAtLeast(high)];
  // One value that is a tick itself lies between its neighbours.
  const steps = first < last ? preferredNumbers(first, last) : preferredNumbers(first - 1, last + 1);
  const domain = [steps[0] ?? low, steps.at(-1) ?? high] as const;
  const ticks = steps.length > 8 ? thin(steps.filter(isPowerOfTen), 8) : steps;
  return logAxis(title, 10, domain, range, ticks, label);
}

function logAxis(
  title: string,
  base: number,
  domain: readonly [number, number],
  range: readonly [number, number],
  ticks: readonly number[],
  label: (value: number) => string,
): Axis {
  const scale = scaleLog().base(base).domain(domain).range(range);
  return {
    title,
    position: (value) => scale(value),
    domain,
    ticks: ticks.map((value) => ({ value, label: label(value) })),
  };
}

/** The next of 1, 1.5, 2, 3, 4, 6 …, or of their halves, on one side of the value. */
function halfOctave(value: number, round: (value: number) => number): number {
  const power = 2 ** Math.floor(Math.log2(value));
  return power * (1 + round((value / power - 1) * 2) / 2);
}

function extent(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

function powersOfTwo(first: number, last: number): number[] {
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, index) => 2 ** (first + index));
}

/** Every second, third … value, so that at most `limit` remain. */
function thin(values: readonly number[], limit: number): readonly number[] {
  const step = Math.ceil(values.length / limit);
  return values.filter((_, index) => index % step === 0);
}
