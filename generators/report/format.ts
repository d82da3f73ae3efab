/** Three significant digits and no exponent: 0.123, 1.23, 12.3, 123, 1234. */
function significant(value: number): string {
  const magnitude = value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(Math.max(2 - magnitude, 0), 6));
}

/** At most three significant digits, without zeros at the end. */
const short = (value: number): string => String(Number(significant(value)));

/** A share as `10%`. */
export function percent(share: number): string {
  return `${short(share * 100)}%`;
}

/** A relative change as `+4.2%` or `−4.2%`. */
export function change(share: number): string {
  const size = Math.abs(share * 100).toFixed(1);
  if (Number(size) === 0) return "0.0%";
  return `${share < 0 ? "−" : "+"}${size}%`;
}

/** For columns: every share with one decimal. */
export function percentFixed(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}

/** A ratio as `6.35×`. */
export function times(ratio: number): string {
  return `${ratio.toFixed(2)}×`;
}

/** Without the unit: the heading of the column or axis has it. */
export function microseconds(value: number): string {
  return significant(value);
}

/** For ticks: no more digits than it takes. */
export function tick(value: number): string {
  return short(value);
}

/** For ticks: `20 MB`. */
export function tickBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${short(bytes / 1000 ** power)} ${units[power]}`;
}

export function megabytes(bytes: number): string {
  return significant(bytes / 1e6);
}
