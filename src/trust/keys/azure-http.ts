import { createHttpHeaders, type HttpClient } from '@azure/core-rest-pipeline';
import type { Dispatcher } from 'undici';
import { exchange } from './exchange.ts';
import { keyFault } from './key-fault.ts';

/** Carries requests of Azure's client over our own connections, and to one vault only. @param signal of the whole reading */
export function azureHttp(vault: string, dispatcher: Dispatcher, signal: AbortSignal): HttpClient {
  return {
    async sendRequest(request) {
      const url = new URL(request.url);
      // The next page of a list is wherever the answer says: the token goes there too.
      if (url.protocol !== 'https:' || url.host !== vault)
        throw keyFault(`${vault} points to another server`);
      const { method, body } = request;
      const answer = await exchange(
        dispatcher,
        { method, url, headers: request.headers.toJSON(), body: body as string | undefined },
        signal,
      );
      return {
        request,
        status: answer.status,
        headers: createHttpHeaders(answer.headers),
        bodyAsText: answer.body.toString('utf8'),
      };
    },
  };
}
