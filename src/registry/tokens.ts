import { LRUCache } from 'lru-cache';
import { Fault, Refusal } from '../errors.ts';
import { atMost, LIMITS } from '../limits.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import { basicHeader, fingerprint, type Credential } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import type { Answer, Request } from './exchange.ts';
import { statusFault, timeoutFault } from './faults.ts';
import { parseJsonObject } from './json.ts';
import type { Respites } from './respites.ts';
import { SingleFlight } from './single-flight.ts';
import { acceptedRealm } from './token-realm.ts';
import { pullScopes } from './token-scopes.ts';

/** What the token specification says where the answer does not. */
const DEFAULT_SECONDS = 60;
/** However long a token says that it lives, it is asked for again within this time. */
const MAX_SECONDS = 3600;
/** A token is not used in its last part: the request has to arrive while it lives. */
const MARGIN = 0.8;
/** Visible ASCII: anything else does not belong into a header. */
const TOKEN_TEXT = /^[\x21-\x7e]{1,32768}$/;

/** Who asks for what. */
export interface Access {
  readonly endpoint: Endpoint;
  readonly repository: string;
  readonly credential: Credential | undefined;
  /** On whose behalf; empty = the installation's own. */
  readonly namespace: string;
}

interface Token {
  readonly header: string;
  readonly until: number;
}

export type Send = (endpoint: Endpoint, request: Request, signal: AbortSignal) => Promise<Answer>;

/** The Authorization headers of requests to registries: what they ask for is learned from their first 401, never by a ping. */
export class Tokens {
  readonly #send: Send;
  readonly #now: () => number;
  /** The newest challenge of each registry: realm and service, for repositories that have had none yet. */
  readonly #challenges = new LRUCache<string, Challenge>(atMost(1000));
  /** The newest of each repository: a registry may have several token servers, and its scope is for this repository alone. */
  readonly #ownChallenges = new LRUCache<string, Challenge>(atMost(1000));
  readonly #tokens = new LRUCache<string, Token>(atMost(5000));
  readonly #flights: SingleFlight<string>;

  readonly #respites: Respites;

  constructor(options: {
    readonly send: Send;
    readonly now: () => number;
    readonly respites: Respites;
    readonly milliseconds: number;
    readonly stopped: AbortSignal;
  }) {
    this.#send = options.send;
    this.#now = options.now;
    this.#respites = options.respites;
    this.#flights = new SingleFlight({
      max: 1000,
      milliseconds: options.milliseconds,
      stopped: options.stopped,
    });
  }

  /** What to send before the registry has asked: nothing, unless it is known what it asks for. */
  async known(access: Access, signal: AbortSignal): Promise<string | undefined> {
    const challenge =
      this.#ownChallenges.get(placeOf(access)) ?? withoutScope(this.#challenges.get(access.endpoint.key));
    if (access.credential?.kind === 'registry') return `Bearer ${access.credential.token}`;
    try {
      return challenge === undefined ? undefined : await this.#answer(access, challenge, signal);
    } catch (error) {
      // It was another repository that asked for this: one may have a token server of its own (Artifactory), and says so.
      if (error instanceof Fault && error.code === 'REGISTRY_AUTH') return undefined;
      throw error;
    }
  }

  /**
   * What to send after a 401; undefined = there is nothing better to send.
   * @param rejected what the refused request carried: a token that has run out early is not tried again
   */
  async challenged(
    access: Access,
    header: string,
    rejected: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const offered = parseChallenges(header);
    const challenge =
      offered.find((each) => each.scheme === 'bearer') ?? offered.find((each) => each.scheme === 'basic');
    if (challenge === undefined || access.credential?.kind === 'registry') return undefined;
    this.#challenges.set(access.endpoint.key, challenge);
    this.#ownChallenges.set(placeOf(access), challenge);
    const key = tokenKey(access, challenge);
    if (this.#tokens.get(key)?.header === rejected) this.#tokens.delete(key);
    const answer = await this.#answer(access, challenge, signal);
    return answer === rejected ? undefined : answer;
  }

  async #answer(access: Access, challenge: Challenge, signal: AbortSignal): Promise<string | undefined> {
    const { credential } = access;
    if (challenge.scheme === 'basic') {
      return credential?.kind === 'basic' ? basicHeader(credential.username, credential.password) : undefined;
    }
    const key = tokenKey(access, challenge);
    const held = this.#tokens.get(key);
    if (held !== undefined && this.#now() < held.until) return held.header;
    return this.#flights.run(
      key,
      // Nobody asks for a token whom a registry has not asked for one.
      {
        signal,
        late: () => timeoutFault(access.endpoint.host),
        isProven: true,
        namespace: access.namespace,
      },
      (shared) => this.#fetch(access, challenge, shared),
    );
  }

  // A token is not part of the artifact: what is wrong with one is the registry's failure, not the image's.
  async #exchange(endpoint: Endpoint, request: Request, signal: AbortSignal): Promise<Answer> {
    try {
      return await this.#send(endpoint, request, signal);
    } catch (error) {
      throw error instanceof Refusal ? outside(endpoint, error) : error;
    }
  }

  async #fetch(access: Access, challenge: Challenge, signal: AbortSignal): Promise<string> {
    const { endpoint, repository } = access;
    const answer = await this.#exchange(endpoint, tokenRequest(access, challenge), signal);
    // A redirect is not followed: it would carry credentials to wherever the realm points.
    if (answer.status !== 200) {
      if (answer.status < 400) throw outside(endpoint);
      throw statusFault(answer.status, endpoint.host, repository, this.#respites.secondsOf(answer));
    }
    const { token, seconds } = readToken(answer.body, endpoint);
    const header = `Bearer ${token}`;
    this.#tokens.set(tokenKey(access, challenge), { header, until: this.#now() + seconds * 1000 * MARGIN });
    return header;
  }
}

function placeOf({ endpoint, repository }: Access): string {
  return JSON.stringify([endpoint.key, repository]);
}

/** Everything that a token is asked for with: one is never used in the place of another. */
function tokenKey({ endpoint, repository, credential }: Access, { parameters }: Challenge): string {
  const scopes = pullScopes(repository, parameters.get('scope'));
  const server = [parameters.get('realm'), parameters.get('service')];
  return JSON.stringify([endpoint.key, ...server, scopes, fingerprint(credential)]);
}

/** What one repository's challenge says of the token server: its scope is no other repository's. */
function withoutScope(challenge: Challenge | undefined): Challenge | undefined {
  if (challenge === undefined) return undefined;
  const parameters = [...challenge.parameters].filter(([name]) => name !== 'scope');
  return { ...challenge, parameters: new Map(parameters) };
}

/**
 * Docker's token protocol: GET, or OAuth2 POST where an identity token is all there is. What is asked for is `pullScopes`, as
 * docker sends several: one parameter each in a query, one list in a form. A scope in the realm's own query does not count.
 */
function tokenRequest(
  { endpoint, repository, credential, namespace }: Access,
  challenge: Challenge,
): Request {
  const realm = acceptedRealm(challenge.parameters.get('realm') ?? '', endpoint, credential);
  const query = new URLSearchParams(realm.searchParams);
  query.delete('scope');
  const service = challenge.parameters.get('service');
  const scopes = pullScopes(repository, challenge.parameters.get('scope'));
  const common = {
    origin: realm.origin,
    host: endpoint.host,
    namespace,
    kind: 'token' as const,
    maxBytes: LIMITS.tokenResponseBytes,
    what: 'the token',
  };
  if (credential?.kind === 'identity') {
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'countersign',
      ...(service !== undefined && { service }),
      scope: scopes.join(' '),
      refresh_token: credential.token,
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return {
      ...common,
      method: 'POST',
      path: query.size === 0 ? realm.pathname : `${realm.pathname}?${query.toString()}`,
      headers,
      body: body.toString(),
    };
  }
  if (service !== undefined) query.set('service', service);
  for (const scope of scopes) query.append('scope', scope);
  const headers =
    credential?.kind === 'basic'
      ? { authorization: basicHeader(credential.username, credential.password) }
      : {};
  return { ...common, method: 'GET', path: `${realm.pathname}?${query.toString()}`, headers };
}

function readToken(body: Uint8Array, endpoint: Endpoint): { token: string; seconds: number } {
  let value;
  try {
    value = parseJsonObject(body, 'the token');
  } catch (cause) {
    if (cause instanceof Refusal) throw outside(endpoint, cause);
    throw cause;
  }
  const token = [value['token'], value['access_token']].find(
    (each) => typeof each === 'string' && each !== '',
  );
  if (typeof token !== 'string' || !TOKEN_TEXT.test(token)) throw outside(endpoint);
  const lifetime = value['expires_in'];
  const seconds =
    typeof lifetime === 'number' && lifetime > 0 ? Math.min(lifetime, MAX_SECONDS) : DEFAULT_SECONDS;
  return { token, seconds };
}

function outside(endpoint: Endpoint, cause?: unknown): Fault {
  return new Fault(
    'REGISTRY_ERROR',
    `the token server of registry ${endpoint.host} did not answer with a token`,
    { cause },
  );
}
