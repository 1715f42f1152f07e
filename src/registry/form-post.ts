import { LIMITS } from '../limits.ts';
import type { Endpoint } from './endpoint.ts';
import { statusFault } from './faults.ts';
import type { Send } from './tokens.ts';

/**
 * Posts a form to a registry itself: over its own connections and guard, and without following a redirect, which would
 * carry what the form holds elsewhere. @throws Fault
 */
export function formPost(endpointOf: (host: string) => Endpoint, send: Send) {
  return async (
    host: string,
    path: string,
    form: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Uint8Array> => {
    const endpoint = endpointOf(host);
    const request = {
      method: 'POST',
      origin: endpoint.origin,
      path,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
      host: endpoint.host,
      namespace: '',
      kind: 'token',
      maxBytes: LIMITS.tokenResponseBytes,
      what: 'the token',
    } as const;
    const answer = await send(endpoint, request, signal);
    if (answer.status !== 200) throw statusFault(answer.status, endpoint.host, 'a token');
    return answer.body;
  };
}
