import { Fault } from '../../errors.ts';
import { GoogleAuth } from 'google-auth-library';
import { credentialsIn, type GoogleCredentials } from './gcp-credentials.ts';
import type { KeyConnections } from './connections.ts';
import { exchange, jsonOf } from './exchange.ts';
import { codeOf, keyFault } from './key-fault.ts';
import type { GcpSettings } from './settings.ts';
import { withSignal } from './with-signal.ts';

export const GCP_HOST = 'cloudkms.googleapis.com';
const SCOPE = 'https://www.googleapis.com/auth/cloudkms';
const CREDENTIAL_HEADERS = ['authorization', 'x-goog-user-project'];

/**
 * Cloud KMS over REST: Google's own library finds the credentials (workload identity, a service account's key, a federated
 * identity). Its KMS client would bring gRPC and 39 MB for two GET requests.
 */
export class GcpClient {
  readonly #auth: () => Promise<GoogleCredentials>;
  readonly #connections: KeyConnections;
  #asking: Promise<Headers> | undefined;

  constructor({ credentialsFile }: GcpSettings, connections: KeyConnections) {
    const ambient = new GoogleAuth({ scopes: SCOPE });
    let given: Promise<GoogleCredentials> | undefined;
    this.#auth = () => {
      if (credentialsFile === undefined) return Promise.resolve(ambient);
      // A file that could not be read may be there the next time.
      given ??= credentialsIn(credentialsFile, SCOPE).catch((error: unknown) => {
        given = undefined;
        throw error;
      });
      return given;
    };
    this.#connections = connections;
  }

  /** The JSON at a path below `/v1/`. @throws Fault KEY_UNAVAILABLE */
  async get(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<unknown> {
    const url = new URL(`https://${GCP_HOST}/v1/${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const request = { method: 'GET', url, headers: await this.#credentials(signal) };
    const answer = await exchange(this.#connections.trusting(url), request, signal);
    if (answer.status !== 200) throw statusFault(answer.status);
    return jsonOf(answer, GCP_HOST);
  }

  async #credentials(signal: AbortSignal): Promise<Record<string, string>> {
    // One at a time: the library does not know our signal, and might be left waiting once for each key.
    this.#asking ??= this.#auth()
      .then((auth) => auth.getRequestHeaders(`https://${GCP_HOST}/`))
      .finally(() => {
        this.#asking = undefined;
      });
    try {
      const headers = await withSignal(this.#asking, signal);
      return Object.fromEntries(CREDENTIAL_HEADERS.flatMap((name) => headerOf(headers, name)));
    } catch (error) {
      if (error instanceof Fault) throw error;
      if (signal.aborted)
        throw keyFault('Google did not hand out credentials in time; it will be asked again', error);
      throw keyFault(
        `no Google credentials were found, or they were refused (${codeOf(error) || 'unknown error'}); give the ServiceAccount workload identity, or set keys.gcp.credentialsFile`,
        error,
      );
    }
  }
}

function headerOf(headers: Headers, name: string): (readonly [string, string])[] {
  const value = headers.get(name);
  return value === null ? [] : [[name, value]];
}

function statusFault(status: number) {
  switch (status) {
    case 400:
      return keyFault(
        'the version is not enabled, or has no public key (400); enable it, or name a signing key',
      );
    case 401:
      return keyFault('Google refused the credentials (401); renew them');
    case 403:
      return keyFault(
        'access denied (403); grant roles/cloudkms.publicKeyViewer on the key, and roles/cloudkms.viewer where no version is named',
      );
    case 404:
      return keyFault('there is no such key or version (404); check its name');
    case 429:
      return keyFault('Google limits the rate of requests (429); it will be asked again');
    default:
      return keyFault(`${GCP_HOST} answered with the status ${status}`);
  }
}
