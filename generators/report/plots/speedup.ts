import { counted } from "../../counted.ts";
import { percent, times } from "../format.ts";
import { type Group, type Measurement, measuredValues, recordsOf } from "../groups.ts";
import { densityAxis, speedupAxis, tokensAxis } from "../plot/axis.ts";
import type { Plot, Series } from "../plot/types.ts";
import { sizeText } from "../record/describe.ts";

type Variable = "tokens" | "density";

const other: Readonly<Record<Variable, Variable>> = { tokens: "density", density: "tokens" };
const axis = { tokens: tokensAxis, density: densityAxis } as const;

/** A measurement that has a dense baseline. */
interface Timed extends Measurement {
  readonly speedup: number;
}

/**
 * Speed-up over tokens and over density. One record has one plot of each with a line for each value of the other
 * variable; several records have one plot for each such value with a line for each record.
 */
export function speedupPlots(id: string, group: Group, labels: readonly string[]): Plot[] {
  const timed = group.measurements.flatMap((measurement) =>
    measurement.result.speedup === null ? [] : [{ ...measurement, speedup: measurement.result.speedup }],
  );
  const several = recordsOf(group).length > 1;
  const draw = (variable: Variable, measurements: readonly Timed[]): Plot[] =>
    several ? compared(variable, id, measurements, labels) : combined(variable, id, measurements, timed);
  const plots = [...draw("tokens", varying("tokens", timed)), ...draw("density", varying("density", timed))];
  // Where nothing varies there are no lines, but points still say more than no plot.
  return plots.length > 0 ? plots : draw("tokens", timed);
}

/** What makes up lines over the variable, rather than single points that another plot shows. */
function varying(variable: Variable, measurements: readonly Timed[]): readonly Timed[] {
  return (
    measuredValues(measurements, other[variable])
      .map((value) => measurements.filter(({ result }) => result[other[variable]] === value))
      .filter((line) => measuredValues(line, variable).length > 1)
      // Dense calls do not depend on the density.
      .filter((line) => variable === "tokens" || line.some(({ result }) => result.path === "sparse"))
      .flat()
  );
}

/** One plot, a line for each value of the other variable. */
function combined(variable: Variable, id: string, measurements: readonly Timed[], all: readonly Timed[]): Plot[] {
  if (measurements.length === 0) return [];
  const styles = measuredValues(all, other[variable]);
  const series = measuredValues(measurements, other[variable]).map((value) =>
    toSeries(
      valueText(other[variable], value),
      styles.indexOf(value),
      measurements.filter(({ result }) => result[other[variable]] === value),
      variable,
    ),
  );
  return [toPlot(`${id}-${variable}`, `Speed-up over dense by ${variable}`, variable, series, false)];
}

/** A plot for each value of the other variable, in it a line for each record. */
function compared(variable: Variable, id: string, measurements: readonly Timed[], labels: readonly string[]): Plot[] {
  return measuredValues(measurements, other[variable]).map((value, index) => {
    const series = labels.flatMap((label, record) => {
      const own = measurements.filter((it) => it.record === record && it.result[other[variable]] === value);
      return own.length === 0 ? [] : [toSeries(label, record, own, variable)];
    });
    const title = `Speed-up by ${variable}, ${valueText(other[variable], value)}`;
    return toPlot(`${id}-${variable}-${index + 1}`, title, variable, series, true);
  });
}

function valueText(variable: Variable, value: number): string {
  return variable === "tokens" ? counted(value, "token") : `${percent(value)} active`;
}

function toSeries(label: string, style: number, measurements: readonly Timed[], variable: Variable): Series {
  const points = measurements.map(({ result, speedup }) => ({
    x: result[variable],
    y: speedup,
    dense: result.path === "dense",
    tooltip: `${label}: ${times(speedup)} at ${sizeText(result)} (${result.path})`,
  }));
  return { label, style, points: points.sort((a, b) => a.x - b.x) };
}

function toPlot(id: string, title: string, variable: Variable, series: readonly Series[], small: boolean): Plot {
  const description = series.map(({ label, points: [first, ...rest] }) => {
    const last = rest.at(-1);
    const begin = first === undefined ? "" : `${times(first.y)} at ${valueText(variable, first.x)}`;
    return `${label}: ${begin}${last === undefined ? "" : ` to ${times(last.y)} at ${valueText(variable, last.x)}`}.`;
  });
  return {
    id,
    title,
    description: description.join(" "),
    x: axis[variable],
    y: speedupAxis,
    series,
    joined: true,
    references: [{ label: "dense", at: () => 1 }],
    small,
  };
}
