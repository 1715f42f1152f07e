import { DAY } from '../format/time.ts';

/** A time of the API as the controls for date and time have it, in this browser's time zone. */
export interface LocalTime {
  /** `2027-03-31`, or empty. */
  readonly date: string;
  /** `09:30`, or empty. */
  readonly time: string;
}

const two = (number: number) => String(number).padStart(2, '0');

export function toLocal(iso: string): LocalTime {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return { date: '', time: '' };
  return {
    date: `${String(at.getFullYear()).padStart(4, '0')}-${two(at.getMonth() + 1)}-${two(at.getDate())}`,
    time: `${two(at.getHours())}:${two(at.getMinutes())}`,
  };
}

/** What was typed: a time, nothing at all, or what is wrong with it. Nothing else may be taken for "nothing". */
export type LocalReading =
  | { readonly kind: 'time'; readonly at: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'wrong'; readonly part: 'date' | 'date-missing' | 'time' | 'skipped' };

/** The time is RFC 3339 in UTC; without a time of day it is midnight. */
export function readLocal(typed: LocalTime): LocalReading {
  const [date, time] = [typed.date.trim(), typed.time.trim()];
  if (date === '') return time === '' ? { kind: 'none' } : { kind: 'wrong', part: 'date-missing' };
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return { kind: 'wrong', part: 'date' };
  if (time !== '' && !/^([01]\d|2[0-3]):[0-5]\d$/.test(time)) return { kind: 'wrong', part: 'time' };
  const at = new Date(`${date}T${time === '' ? '00:00' : time}:00`);
  const back = Number.isNaN(at.getTime()) ? undefined : toLocal(at.toISOString());
  // A browser takes 30 February for 2 March, and an hour that the clocks skip for the next one.
  if (back?.date !== date) return { kind: 'wrong', part: 'date' };
  if (time !== '' && back.time !== time) return { kind: 'wrong', part: 'skipped' };
  return { kind: 'time', at: withoutMilliseconds(at) };
}

function withoutMilliseconds(at: Date): string {
  return at.toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** Ways to say when a signer expires; undefined = never. */
export const SIGNER_PRESETS = {
  days30: 30 * DAY,
  days90: 90 * DAY,
  year: 365 * DAY,
  never: undefined,
} as const;

/** Ways to say when an exception ends. */
export const EXCEPTION_PRESETS = { hour: DAY / 24, hours4: DAY / 6, day: DAY, week: 7 * DAY } as const;

/** @param now milliseconds since 1970 @param duration milliseconds @returns RFC 3339 in UTC, on the minute */
export function presetTime(now: number, duration: number): string {
  return withoutMilliseconds(new Date(Math.floor((now + duration) / 60_000) * 60_000));
}
