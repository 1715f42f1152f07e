import { quote } from '../../image/quote.ts';
import { parsePublicKey } from '../../sigstore/public-key.ts';
import { keyFault } from './key-fault.ts';
import type { ReadKeys, ReadSecret } from './key-ports.ts';

/**
 * Public keys in Secrets, of the namespaces given and of no other: whoever writes a reference would otherwise learn through the
 * webhook's rights what stands elsewhere (attack C16).
 */
export function secretKeys(
  namespaces: readonly string[],
  readSecret: ReadSecret | undefined,
): ReadKeys<'k8s'> {
  return async ({ namespace, name, key }, signal) => {
    if (!namespaces.includes(namespace)) {
      throw keyFault(
        `Secrets of the namespace ${quote(namespace)} are not read; add it to keys.secretNamespaces, or name a Secret elsewhere`,
      );
    }
    if (readSecret === undefined)
      throw keyFault('there is no cluster to read a Secret from; give the key as PEM');
    const data = await read(readSecret, namespace, name, signal);
    if (data === undefined) throw keyFault('there is no such Secret; create it, or name another one');
    const bytes = Object.hasOwn(data, key) ? data[key] : undefined;
    if (bytes === undefined) throw keyFault(`the Secret has no key ${quote(key)} in its data`);
    return [parsePublicKey(Buffer.from(bytes).toString('utf8'))];
  };
}

async function read(readSecret: ReadSecret, namespace: string, name: string, signal: AbortSignal) {
  try {
    return await readSecret(namespace, name, signal);
  } catch (error) {
    const status =
      typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined;
    throw keyFault(
      status === 403
        ? `the API server does not let Countersign read it (403); grant "get" on this Secret in ${quote(namespace)}`
        : 'the API server did not deliver the Secret; it will be asked again',
      error,
    );
  }
}
