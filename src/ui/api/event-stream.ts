/** One server-sent event (HTML Living Standard, 9.2). */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** Characters of one event; more than the server ever sends in one. */
const MAX_EVENT_CHARS = 262_144;

/** Takes a stream apart as it comes in pieces. */
export class EventParser {
  #rest = '';

  /** Events that are complete now. @throws Error for one that does not end */
  push(text: string): readonly ServerEvent[] {
    const parts = (this.#rest + text).split(/\r?\n\r?\n/);
    this.#rest = parts.pop() ?? '';
    if (this.#rest.length > MAX_EVENT_CHARS) throw new Error('an event of the live stream is too long');
    return parts.flatMap((part) => eventOf(part));
  }
}

function eventOf(text: string): readonly ServerEvent[] {
  const fields = text.split(/\r?\n/).flatMap((line) => {
    if (line.startsWith(':')) return [];
    const [name = '', ...value] = line.split(':');
    return [[name, value.join(':').replace(/^ /, '')] as const];
  });
  const all = (name: string) => fields.filter(([field]) => field === name).map(([, value]) => value);
  if (all('data').length === 0 && all('event').length === 0) return [];
  return [{ event: all('event').at(-1) ?? 'message', data: all('data').join('\n'), id: all('id').at(-1) }];
}
