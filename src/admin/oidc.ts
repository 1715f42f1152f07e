import { readFileSync } from 'node:fs';
import * as client from 'openid-client';
import { Agent, fetch as fetchWith } from 'undici';
import { asError } from '../errors.ts';
import type { Logger } from '../log.ts';
import { checkedAuthorities } from '../sigstore/pem.ts';
import { ApiProblem } from './problem.ts';

export interface OidcSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecretFile?: string | undefined;
  readonly scopes: readonly string[];
  readonly redirectUri: string;
  readonly caFile?: string | undefined;
}

/** What is kept here between the way to the issuer and the way back. */
export interface SignInUnderWay {
  readonly codeVerifier: string;
  readonly state: string;
  readonly nonce: string;
}

/** Seconds for one request to the issuer. */
const TIMEOUT = 10;
/** Bytes of one of its answers: a token with many groups has some 10 KB, a set of keys less. */
const MAX_ANSWER = 256 * 1024;

/** Sign-in at an OIDC issuer: authorization code with PKCE. What comes of it is an ID token, for the API server to judge. */
export class OidcIssuer {
  readonly #settings: OidcSettings;
  readonly #logger: Logger;
  readonly #agent: Agent;
  #configuration: client.Configuration | undefined;

  /** @throws Error for a file that cannot be read */
  constructor(settings: OidcSettings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    const { caFile } = settings;
    const ca = caFile === undefined ? {} : { ca: checkedAuthorities(readFileSync(caFile, 'utf8'), caFile) };
    this.#agent = new Agent({ connect: ca, maxResponseSize: MAX_ANSWER, connections: 8 });
    // Told at the start rather than to the first who signs in.
    this.#authentication();
  }

  /** Where to send the browser, and what to keep until it comes back. @throws ApiProblem UNAVAILABLE */
  async begin(): Promise<{ readonly url: string; readonly underWay: SignInUnderWay }> {
    const configuration = await this.#discovered();
    const codeVerifier = client.randomPKCECodeVerifier();
    const underWay = { codeVerifier, state: client.randomState(), nonce: client.randomNonce() };
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: this.#settings.redirectUri,
      scope: this.#settings.scopes.join(' '),
      state: underWay.state,
      nonce: underWay.nonce,
      code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
    });
    return { url: url.href, underWay };
  }

  /**
   * The ID token for a code.
   * @param parameters what the browser brought back, as it stood in the URL
   * @returns undefined for a code, state or token that is not good
   * @throws ApiProblem UNAVAILABLE when the issuer does not answer
   */
  async finish(parameters: URLSearchParams, underWay: SignInUnderWay): Promise<string | undefined> {
    const configuration = await this.#discovered();
    // Made from what is configured: what the browser says of where it is does not count.
    const url = new URL(this.#settings.redirectUri);
    url.search = parameters.toString();
    try {
      const tokens = await client.authorizationCodeGrant(configuration, url, {
        pkceCodeVerifier: underWay.codeVerifier,
        expectedState: underWay.state,
        expectedNonce: underWay.nonce,
        idTokenExpected: true,
      });
      return tokens.id_token;
    } catch (error) {
      this.#logger.warn({ err: asError(error).message }, 'a sign-in at the OIDC issuer failed');
      if (isNetwork(error)) throw unavailable(error);
      return undefined;
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #discovered(): Promise<client.Configuration> {
    if (this.#configuration !== undefined) return this.#configuration;
    const { issuer, clientId } = this.#settings;
    try {
      const configuration = await client.discovery(
        new URL(issuer),
        clientId,
        undefined,
        this.#authentication(),
        {
          timeout: TIMEOUT,
          [client.customFetch]: this.#fetch,
        },
      );
      configuration[client.customFetch] = this.#fetch;
      this.#configuration = configuration;
      return configuration;
    } catch (error) {
      this.#logger.warn({ err: asError(error).message, issuer }, 'the OIDC issuer cannot be asked');
      throw unavailable(error);
    }
  }

  #authentication(): client.ClientAuth {
    const { clientSecretFile } = this.#settings;
    return clientSecretFile === undefined
      ? client.None()
      : client.ClientSecretBasic(readFileSync(clientSecretFile, 'utf8').trim());
  }

  /** With the issuer's authorities, and to nowhere that a redirect says. */
  readonly #fetch: client.CustomFetch = async (url, options) =>
    (await fetchWith(url, {
      ...(options as object),
      redirect: 'error',
      dispatcher: this.#agent,
    })) as unknown as Response;
}

/** No answer, rather than one that says no. */
function isNetwork(error: unknown): boolean {
  const { code, name } = asError(error) as { readonly code?: string; readonly name: string };
  return name === 'TypeError' || code === 'OAUTH_TIMEOUT' || code === 'OAUTH_ABORT';
}

function unavailable(cause: unknown): ApiProblem {
  return new ApiProblem('UNAVAILABLE', 'The OIDC issuer does not answer.', { cause, retryAfter: 10 });
}
