import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { parseKeyReference } from '../../../src/api/key-reference.ts';
import { Fault, Refusal } from '../../../src/errors.ts';
import { verificationKey } from '../../../src/sigstore/public-key.ts';
import type { KeyPorts } from '../../../src/trust/keys/key-ports.ts';
import { KeyResolver } from '../../../src/trust/keys/key-resolver.ts';
import type { KeySettings } from '../../../src/trust/keys/settings.ts';

export function newKey(curve = 'P-256'): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: curve }).publicKey;
}

export function pem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

export function fingerprint(key: KeyObject): string {
  return verificationKey(key).fingerprint;
}

export function resolverWith(settings: KeySettings, ports: Partial<KeyPorts> = {}): KeyResolver {
  return new KeyResolver(settings, {
    env: {},
    home: undefined,
    readSecret: undefined,
    now: Date.now,
    ...ports,
  });
}

/** Fingerprints of the keys behind a reference, or the sentence of why there are none. */
export async function outcome(
  resolver: KeyResolver,
  uri: string,
  signal = AbortSignal.timeout(60_000),
): Promise<readonly string[] | string> {
  try {
    const keys = await resolver.resolve(parseKeyReference(uri), signal);
    return keys.map((key) => key.fingerprint);
  } catch (error) {
    if (error instanceof Fault || error instanceof Refusal) return error.message;
    throw error;
  }
}
