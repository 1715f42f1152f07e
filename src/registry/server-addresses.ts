import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { asError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { withoutBrackets } from './endpoint.ts';

/** The addresses of a server, those behind its name as they are now; none, and a log line, when it does not resolve. */
export async function addressesOf(server: string | undefined, log: Logger): Promise<readonly string[]> {
  if (server === undefined) return [];
  const host = withoutBrackets(new URL(server).hostname);
  if (isIP(host) !== 0) return [host];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    log.warn(
      { err: asError(error), host },
      'the API server has no address yet: image names are not kept away from it',
    );
    return [];
  }
}
