/** The series 1, 2, 5, 10, 20, 50 …, each with an index: 0 is 1, 3 is 10, -1 is 0.5. */
function preferredNumber(index: number): number {
  const decade = Math.floor(index / 3);
  const digit = [1, 2, 5][index - decade * 3] ?? 1;
  // A negative power would be inexact, a quotient is the nearest number there is.
  return decade < 0 ? digit / 10 ** -decade : digit * 10 ** decade;
}

export function preferredNumbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, offset) => preferredNumber(first + offset));
}

/** Index of the largest preferred number that is at most `value`, which is positive. */
export function indexAtMost(value: number): number {
  let index = decadeOf(value) + 3;
  while (preferredNumber(index) > value) index--;
  return index;
}

/** Index of the smallest preferred number that is at least `value`, which is positive. */
export function indexAtLeast(value: number): number {
  let index = decadeOf(value) - 3;
  while (preferredNumber(index) < value) index++;
  return index;
}

export function isPowerOfTen(value: number): boolean {
  return value === preferredNumber(decadeOf(value)) || value === preferredNumber(decadeOf(value) + 3);
}

/** Index of a power of ten near `value`; a logarithm may miss the next decade by its last bit. */
function decadeOf(value: number): number {
  return Math.floor(Math.log10(value)) * 3;
}
