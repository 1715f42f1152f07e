/** Times as people read them: local, in words or in full. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** Nearer than this is now. */
const NOW = 15 * SECOND;

const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const short = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const dayOnly = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const dayAndMonth = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

export type TimeForm = 'full' | 'short' | 'date' | 'relative';

/** @param time RFC 3339; a text that is none is shown as it is */
export function formatTime(time: string, form: TimeForm, now: number): string {
  const at = Date.parse(time);
  if (Number.isNaN(at)) return time;
  if (form === 'relative') return formatRelative(at, now);
  return { full, short, date: dayOnly }[form].format(at);
}

export function formatUtc(time: string): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? time : `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 365 * DAY],
  ['month', 30 * DAY],
  ['day', DAY],
  ['hour', HOUR],
  ['minute', MINUTE],
  ['second', SECOND],
];

/** `in 3 days`, `2 minutes ago`. Both in milliseconds since 1970. */
export function formatRelative(at: number, now: number): string {
  const distance = at - now;
  if (Math.abs(distance) < NOW) return relative.format(0, 'second');
  for (const [unit, length] of UNITS) {
    if (Math.abs(distance) >= length) return relative.format(Math.trunc(distance / length), unit);
  }
  return relative.format(0, 'second');
}

/** The label of a bucket that starts then, on the axis of a chart. */
export function formatBucket(time: string, bucketSeconds: number): string {
  const at = Date.parse(time);
  return bucketSeconds * SECOND >= DAY / 2 ? dayAndMonth.format(at) : clock.format(at);
}
