import type { Request } from 'express';
import type { Caller } from './caller.ts';
import { problemOf } from './problem-of.ts';
import type { Route } from './route.ts';

/** A request whose time is over may still come to something: only what was answered "no" is told. */
export function tellRefused(
  { onRefused }: Route,
  caller: Caller,
  params: Readonly<Record<string, string>>,
  { url }: Request,
  thrown: unknown,
): void {
  const problem = problemOf(thrown);
  if (problem === undefined || problem.code === 'TIMEOUT') return;
  const start = url.indexOf('?');
  const query = new URLSearchParams(start === -1 ? '' : url.slice(start + 1));
  onRefused?.({ caller, params, query, subject: problem.subject }, thrown);
}
