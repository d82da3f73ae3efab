import { megabytes, microseconds, percent, times } from "../../generators/report/format.ts";
import { parseRecord } from "../../generators/report/record/read.ts";
import { table } from "./markdown.ts";

const folder = "docs/measurements";

/** What docs/proof.md shows of a record that `test/gpu/record.py --tools` wrote. */
interface GpuRecord {
  readonly tools: { readonly dramBytes: { readonly activeBytes: number; readonly kernels: Record<string, number> } };
}

/** docs/proof.md with its tables made anew from the records; `measurements` are the files of docs/measurements. */
export function withMeasuredTables(page: string, measurements: Readonly<Record<string, string>>): string {
  const text = (name: string): string => measurements[`${folder}/${name}.json`] ?? "";
  const withTimes = replaced(page, "times", timesTable(text("h200-bench-mistral-7b")));
  return replaced(withTimes, "bytes", bytesTable(JSON.parse(text("h200-sm90a"))));
}

function timesTable(text: string): string[] {
  const { results } = parseRecord(`${folder}/h200-bench-mistral-7b.json`, text);
  const single = results.filter(({ operator, tokens }) => operator === "ffn" && tokens === 1);
  const rows = single
    .toSorted((a, b) => a.density - b.density)
    .map(({ density, bytes, microseconds: time }) => [percent(density), megabytes(bytes), microseconds(time)]);
  const dense = single[0]?.denseMicroseconds ?? 0;
  const all = single.map(({ bytes, density }) => bytes / density)[0] ?? 0;
  return table(["active", "MB to read", "time, us"], [...rows, ["100%", megabytes(all), microseconds(dense)]]);
}

function bytesTable({ tools: { dramBytes } }: GpuRecord): string[] {
  const read = Object.values(dramBytes.kernels).reduce((sum, bytes) => sum + bytes, 0);
  return table(
    ["active", "MB of active rows", "MB read from DRAM", "ratio"],
    [["10%", megabytes(dramBytes.activeBytes), megabytes(read), times(read / dramBytes.activeBytes)]],
  );
}

/** Puts lines between the two comments that hold a table's place. */
function replaced(page: string, name: string, lines: readonly string[]): string {
  const place = new RegExp(`(<!-- ${name}: [^>]*-->\n)[^]*?(<!-- end -->)`);
  if (!place.test(page)) throw new Error(`docs/proof.md has no place for the table of ${name}.`);
  return page.replace(place, (_, start: string, end: string) => [`${start}`, ...lines, "", end].join("\n"));
}
