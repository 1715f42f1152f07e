/**
 * RFC 3339 as every reader here takes it: upper-case `T` and `Z`, a zone, and a time that exists. `Date.parse` alone takes 24:00 for the
 * next day and 30 February for 2 March. A leap second (`:60`) is refused: neither Date nor the API server can express one.
 */
const HOUR_AND_MINUTE = '([01]\\d|2[0-3]):[0-5]\\d';

/** The same for ECMAScript and RE2: the CRDs hold it too. Days of the month are checked by `parseRfc3339`, and by `format: date-time` there. */
export const RFC3339_PATTERN = new RegExp(
  `^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])T${HOUR_AND_MINUTE}:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]${HOUR_AND_MINUTE})$`,
);

/** Longest accepted text: nanoseconds and an offset. */
export const MAX_RFC3339_CHARS = 35;

/** @returns milliseconds since the epoch; undefined for a text that is not RFC 3339, or a day that does not exist */
export function parseRfc3339(text: string): number | undefined {
  if (text.length > MAX_RFC3339_CHARS || !RFC3339_PATTERN.test(text) || !isOnCalendar(text)) return undefined;
  const milliseconds = Date.parse(text);
  return Number.isNaN(milliseconds) ? undefined : milliseconds;
}

function isOnCalendar(text: string): boolean {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split('-').map(Number);
  return day <= ([31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0);
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}
