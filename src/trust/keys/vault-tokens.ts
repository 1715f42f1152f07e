import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { asError } from '../../errors.ts';
import { jsonOf, type KeyAnswer } from './exchange.ts';
import { codeOf, keyFault } from './key-fault.ts';
import type { KeyPorts } from './key-ports.ts';
import type { VaultSettings } from './settings.ts';
import { withSignal } from './with-signal.ts';

type Kubernetes = NonNullable<VaultSettings['kubernetes']>;

/** Sends the body of a login to the auth method at a mount. */
type Login = (mount: string, body: string, signal: AbortSignal) => Promise<KeyAnswer>;

/** Of one login, milliseconds: it is shared, so no single reader's signal may end it. */
const LOGIN_MS = 10_000;

// What a header may hold; Vault's own tokens have letters, digits and dots.
const TOKEN = /^[\x21-\x7e]{1,16384}$/;

const loggedIn = z.object({
  auth: z.object({ client_token: z.string().regex(TOKEN), lease_duration: z.number().min(0) }),
});

/** The token that Vault is asked with, from wherever the settings say it comes. */
export class VaultTokens {
  readonly #settings: VaultSettings;
  readonly #ports: KeyPorts;
  readonly #login: Login;
  #lease: { readonly token: string; readonly until: number } | undefined;
  #loggingIn: Promise<string> | undefined;

  constructor(settings: VaultSettings, ports: KeyPorts, login: Login) {
    this.#settings = settings;
    this.#ports = ports;
    this.#login = login;
  }

  /** @throws Fault KEY_UNAVAILABLE */
  async token(signal: AbortSignal): Promise<string> {
    const { kubernetes, tokenFile } = this.#settings;
    if (kubernetes !== undefined) return this.#leased(kubernetes, signal);
    if (tokenFile !== undefined) return tokenIn(tokenFile);
    const fromEnvironment = this.#ports.env['VAULT_TOKEN'];
    if (fromEnvironment) return checked(fromEnvironment.trim(), 'VAULT_TOKEN');
    if (this.#ports.home === undefined) throw noToken();
    try {
      return await tokenIn(join(this.#ports.home, '.vault-token'));
    } catch (error) {
      throw noToken(error);
    }
  }

  /** Vault refused this token. @returns whether another one can be had by logging in again */
  forget(token: string): boolean {
    if (this.#lease?.token === token) this.#lease = undefined;
    return this.#settings.kubernetes !== undefined;
  }

  async #leased(kubernetes: Kubernetes, signal: AbortSignal): Promise<string> {
    if (this.#lease !== undefined && this.#ports.now() < this.#lease.until) return this.#lease.token;
    this.#loggingIn ??= this.#logIn(kubernetes).finally(() => {
      this.#loggingIn = undefined;
    });
    return withSignal(this.#loggingIn, signal);
  }

  async #logIn({ role, mount = 'kubernetes', tokenFile }: Kubernetes): Promise<string> {
    if (!/^[\w-][\w.-]{0,127}$/.test(mount)) throw keyFault('keys.vault.kubernetes.mount is not a name');
    const jwt = await tokenIn(tokenFile);
    checkAudience(jwt, tokenFile);
    const answer = await this.#login(mount, JSON.stringify({ role, jwt }), AbortSignal.timeout(LOGIN_MS));
    if (answer.status === 503) throw keyFault('Vault is sealed or in maintenance (503); unseal it');
    if (answer.status !== 200) {
      throw keyFault(
        `Vault refused the login at auth/${mount} (${answer.status}); check the role, and its ServiceAccount, namespace and audience`,
      );
    }
    const parsed = loggedIn.safeParse(jsonOf(answer, 'Vault'));
    if (!parsed.success) throw keyFault(`Vault answered the login at auth/${mount} without a token`);
    const { client_token: token, lease_duration: seconds } = parsed.data.auth;
    // At two thirds of its life, long before it ends.
    this.#lease = { token, until: this.#ports.now() + (seconds * 2000) / 3 };
    return token;
  }
}

async function tokenIn(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw keyFault(`the token in ${file} cannot be read (${codeOf(error) || asError(error).name})`, error);
  }
  return checked(text.trim(), file);
}

function checked(token: string, where: string): string {
  if (!TOKEN.test(token)) throw keyFault(`what ${where} holds is no token: it is empty or has spaces in it`);
  return token;
}

const claimsShape = z.object({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]).transform((aud) => [aud].flat()),
});

/**
 * Whoever has a token that the API server takes is this program there: such a one never leaves for another server (attack D8).
 * The API server's own audience is its issuer, or one of its names in the cluster; a token without any is an old one of a Secret,
 * which it takes as well.
 * @throws Fault KEY_UNAVAILABLE
 */
function checkAudience(jwt: string, file: string): void {
  const claims = claimsShape.safeParse(claimsOf(jwt));
  const isOwn =
    claims.success &&
    claims.data.aud.length > 0 &&
    !claims.data.aud.some((aud) => aud === claims.data.iss || /^https?:\/\/kubernetes\.default\b/.test(aud));
  if (isOwn) return;
  throw keyFault(
    `the token in ${file} is one that the API server takes, or none; project one with an audience of its own (serviceAccountToken.audience: vault)`,
  );
}

function claimsOf(jwt: string): unknown {
  try {
    return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

function noToken(cause?: unknown) {
  return keyFault(
    'there is no token for Vault; set keys.vault.kubernetes, keys.vault.tokenFile or VAULT_TOKEN',
    cause,
  );
}
