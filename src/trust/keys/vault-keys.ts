import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import { LIMITS } from '../../limits.ts';
import {
  parsePublicKey,
  verificationKey,
  type KeyType,
  type VerificationKey,
} from '../../sigstore/public-key.ts';
import type { KeyConnections } from './connections.ts';
import { jsonOf, type KeyAnswer } from './exchange.ts';
import { keyFault } from './key-fault.ts';
import type { KeyPorts, ReadKeys } from './key-ports.ts';
import type { VaultSettings } from './settings.ts';
import { VaultClient } from './vault-client.ts';

/** Types of transit keys that sign, and what kind of key they are (developer.hashicorp.com/vault/api-docs/secret/transit). */
const TYPES: Readonly<Record<string, KeyType>> = {
  'ecdsa-p256': 'ecdsa-p256',
  'ecdsa-p384': 'ecdsa-p384',
  'ecdsa-p521': 'ecdsa-p521',
  'rsa-2048': 'rsa',
  'rsa-3072': 'rsa',
  'rsa-4096': 'rsa',
  ed25519: 'ed25519',
};

const NAME = /^\w(?:[-\w.]{0,126}\w)?$/;

const envelope = z.object({
  // Vault answers some failures with 200 (attack A35).
  errors: z.array(z.unknown()).max(0).nullish(),
  data: z.object({
    name: z.string(),
    type: z.string(),
    keys: z.record(z.string().regex(/^[1-9][0-9]{0,9}$/), z.unknown()),
    min_decryption_version: z.int().min(0),
    soft_deleted: z.boolean().nullish(),
  }),
});
type TransitKey = z.output<typeof envelope>['data'];

const version = z.object({ public_key: z.string().min(1) });

/** Keys in Vault's transit engine, or OpenBao's. Nothing is signed or verified there: it is only asked for public keys. */
export function vaultKeys(
  settings: VaultSettings,
  ports: KeyPorts,
  connections: KeyConnections,
): ReadKeys<'hashivault'> {
  const client = new VaultClient(settings, ports, connections);
  return async ({ name }, signal) => {
    // The reference's parser says the same: a name must not leave its place in the path, whoever made the reference.
    if (!NAME.test(name) || name.includes('..')) throw keyFault('its name is no name of a transit key');
    const mount = client.mount();
    const answer = await client.get(`${mount}/keys/${encodeURIComponent(name)}`, signal);
    if (answer.status !== 200) throw statusFault(answer.status, `${mount}/keys/${name}`, mount);
    return keysOf(answer, name, client.host());
  };
}

function keysOf(answer: KeyAnswer, name: string, host: string): readonly VerificationKey[] {
  const parsed = envelope.safeParse(jsonOf(answer, host));
  if (!parsed.success)
    throw keyFault(`${host} did not answer with a transit key; check VAULT_ADDR and the mount`);
  const { data } = parsed.data;
  if (data.name !== name) throw keyFault(`${host} answered with another key than the one that was asked for`);
  if (data.soft_deleted === true) throw keyFault('it is deleted in Vault; restore it, or trust another key');
  const type = Object.hasOwn(TYPES, data.type) ? TYPES[data.type] : undefined;
  if (type === undefined) {
    throw keyFault('its type in Vault does not sign; ECDSA (P-256, P-384, P-521), RSA and Ed25519 keys do');
  }
  return versionsOf(data).map((written) => publicKey(written, type, host));
}

/** Those that Vault itself still verifies with, the newest first. */
function versionsOf({ keys, min_decryption_version: oldest }: TransitKey): readonly unknown[] {
  return Object.entries(keys)
    .map(([number, written]) => ({ number: Number(number), written }))
    .filter(({ number }) => number >= oldest)
    .sort((a, b) => b.number - a.number)
    .slice(0, LIMITS.keyVersions)
    .map(({ written }) => written);
}

function publicKey(written: unknown, type: KeyType, host: string): VerificationKey {
  const parsed = version.safeParse(written);
  if (!parsed.success) throw keyFault(`${host} answered with a version that has no public key`);
  const text = parsed.data.public_key;
  const key = type === 'ed25519' && !text.includes('-----') ? rawEd25519(text) : parsePublicKey(text);
  if (key.type !== type) throw keyFault(`${host} answered with a key of another type than it says`);
  return key;
}

/** Base64 of the bare 32 bytes. @throws Fault KEY_UNAVAILABLE */
function rawEd25519(text: string): VerificationKey {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== 32 || bytes.toString('base64') !== text) {
    throw keyFault('Vault answered with an Ed25519 key that is not 32 bytes');
  }
  return verificationKey(
    createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }, format: 'jwk' }),
  );
}

function statusFault(status: number, path: string, mount: string) {
  switch (status) {
    case 401:
    case 403:
      return keyFault(
        `Vault denied access (${status}); check the token, and that its policy allows "read" on ${path}`,
      );
    case 404:
      return keyFault(`Vault has no such key (404); check its name, the mount ${mount} and the namespace`);
    case 429:
      return keyFault('Vault limits the rate of requests (429); it will be asked again');
    case 503:
      return keyFault('Vault is sealed or in maintenance (503); unseal it');
    default:
      return keyFault(`Vault answered with the status ${status}`);
  }
}
