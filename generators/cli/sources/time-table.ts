import { formatTable } from "../../package/format.ts";
import type { Forecast, ForecastRow } from "../../plan/cost/forecast.ts";
import { operatorTitle } from "../../report/record/describe.ts";

/** One paragraph a model, operator and GPU: a line for each number of tokens, times in microseconds a layer. */
export function timeTable(forecasts: readonly Forecast[]): string {
  const known = forecasts.filter(hasTimes);
  const unknown = forecasts.filter((forecast) => !hasTimes(forecast));
  const notes = new Set(unknown.map((forecast) => `${heading(forecast)}: not calibrated\n`));
  return [...known.map(paragraph), ...(notes.size === 0 ? [] : [[...notes].join("")])].join("\n");
}

const hasTimes = ({ rows }: Forecast): boolean =>
  rows.some(({ microseconds, measured }) => microseconds !== null || measured !== null);

function paragraph(forecast: Forecast): string {
  const { rows } = forecast;
  const header = ["tokens", "union", "predicted us", "dense us", "speed-up", "measured us", "at union", "error"];
  return `${heading(forecast)}\n${formatTable([header, ...rows.map(cells)])}`;
}

function heading(forecast: Forecast): string {
  const { model, tensorParallel, predictorBits, arch, gpu, density } = forecast;
  const shard = tensorParallel === 1 ? "" : `, 1 of ${tensorParallel} shards`;
  const predictor = predictorBits === null ? "" : `, fc2 in ${predictorBits === 8 ? "int8" : "16 bits"}`;
  return `${model}${shard}: ${operatorTitle(forecast)}${predictor}, ${percent(density)} active a token, on ${gpu === null ? arch : `${gpu} (${arch})`}`;
}

function cells({ tokens, unionDensity, microseconds, denseMicroseconds, speedup, measured }: ForecastRow): string[] {
  const error = measured?.relativeError ?? null;
  return [
    String(tokens),
    percent(unionDensity),
    fixed(microseconds, 1),
    fixed(denseMicroseconds, 1),
    fixed(speedup, 2),
    fixed(measured?.microseconds ?? null, 1),
    measured === null ? "-" : percent(measured.unionDensity),
    error === null ? "-" : `${error < 0 ? "" : "+"}${percent(error)}`,
  ];
}

const fixed = (value: number | null, digits: number): string => (value === null ? "-" : value.toFixed(digits));
const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
