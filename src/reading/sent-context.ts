import { Fault } from '../errors.ts';
import { parseTrustRoot, type TrustRoot } from '../sigstore/trust-root.ts';
import type { VerificationKey } from '../sigstore/verification-key.ts';
import type { TrustContext } from '../sigstore/verify.ts';
import type { SentContext, SentKey, SentRoot } from './messages.ts';

/** What can be sent of a trust context. */
export function sentContext(context: TrustContext): SentContext {
  if (context.kind === 'root') return { kind: 'root', root: sentRoot(context.root) };
  const { key, root } = context;
  return { kind: 'key', key: sentKey(key), root: root === undefined ? undefined : sentRoot(root) };
}

/** The same context, in the thread that it was sent to. */
export class ReceivedContexts {
  readonly #roots = new Map<string, TrustRoot>();

  /** @throws Fault INTERNAL for a root that is not the one that was sent */
  of(sent: SentContext): TrustContext {
    if (sent.kind === 'root') return { kind: 'root', root: this.#rootOf(sent.root) };
    const root = sent.root === undefined ? undefined : this.#rootOf(sent.root);
    return { kind: 'key', key: receivedKey(sent.key), root };
  }

  /** One is parsed in some milliseconds, and an installation has a few. The thread ends when it is idle, and this with it. */
  #rootOf({ json, requires, fingerprint }: SentRoot): TrustRoot {
    const known = this.#roots.get(fingerprint);
    if (known !== undefined) return known;
    const root = parseTrustRoot(json, requires);
    if (root.fingerprint !== fingerprint) throw new Fault('INTERNAL', 'a trust root was changed on its way');
    if (this.#roots.size >= MAX_ROOTS) this.#roots.clear();
    this.#roots.set(fingerprint, root);
    return root;
  }
}

const MAX_ROOTS = 64;

function sentRoot({ json, requires, fingerprint }: TrustRoot): SentRoot {
  return { json, requires, fingerprint };
}

function sentKey({ fingerprint, type, key, spki, certificate, validity }: VerificationKey): SentKey {
  return { fingerprint, type, key, spki, certificate, validity };
}

function receivedKey({ spki, certificate, validity, ...rest }: SentKey): VerificationKey {
  return {
    ...rest,
    spki: Buffer.from(spki),
    ...(certificate !== undefined && { certificate: Buffer.from(certificate) }),
    ...(validity !== undefined && { validity }),
  };
}
