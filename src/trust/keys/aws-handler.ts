import type { KMSClientConfig } from '@aws-sdk/client-kms';
import type { KeyAnswer, KeyRequest } from './exchange.ts';

/** A request as the AWS SDK hands it to its handler (`HttpRequest` of @smithy/types). */
interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** Carries the AWS SDK's requests over our own connections: its own would follow no limit of ours. */
export function awsHandler(
  send: (request: KeyRequest, signal: AbortSignal) => Promise<KeyAnswer>,
): NonNullable<KMSClientConfig['requestHandler']> {
  return {
    async handle(request: SdkRequest, options?: { abortSignal?: AbortSignal }) {
      const { method, body } = request;
      // undici writes these two itself, from the URL and the body.
      const { host: _, 'content-length': __, ...headers } = request.headers;
      const signal = options?.abortSignal ?? AbortSignal.timeout(UNASKED_MS);
      const answer = await send({ method, url: urlOf(request), headers, body }, signal);
      return { response: { statusCode: answer.status, headers: { ...answer.headers }, body: answer.body } };
    },
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
  };
}

/** Milliseconds for a request that the SDK makes on its own account: for credentials. */
const UNASKED_MS = 10_000;

function urlOf({ protocol, hostname, port, path, query = {} }: SdkRequest): URL {
  const url = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`);
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) url.searchParams.append(name, each ?? '');
  }
  return url;
}
