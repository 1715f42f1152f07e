import type { TokenCredential } from '@azure/identity';
import type { buildConnector } from 'undici';
import type { KeyReference, KeyScheme } from '../../api/key-reference.ts';
import type { VerificationKey } from '../../sigstore/public-key.ts';

/** The data of a Secret; undefined = there is none. Throws where it cannot be read. */
export type ReadSecret = (
  namespace: string,
  name: string,
  signal: AbortSignal,
) => Promise<Readonly<Record<string, Uint8Array>> | undefined>;

export type ReferenceOf<S extends KeyScheme> = Extract<KeyReference, { readonly scheme: S }>;

/** Reads the public keys behind a reference of one scheme. @throws Fault KEY_UNAVAILABLE; Refusal for a key of no use */
export type ReadKeys<S extends KeyScheme> = (
  reference: ReferenceOf<S>,
  signal: AbortSignal,
) => Promise<readonly VerificationKey[]>;

/** What the resolvers need of the world. */
export interface KeyPorts {
  /** Of the process: addresses, tokens. The vendors' clients read theirs themselves. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where `~` is; undefined = nowhere. */
  readonly home: string | undefined;
  /** Undefined where there is no cluster. */
  readonly readSecret: ReadSecret | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** How connections are made, where it is not the ordinary way. */
  readonly connect?: buildConnector.connector;
  /** Who asks Azure, where it is not who the environment says. */
  readonly azureCredential?: TokenCredential;
}
