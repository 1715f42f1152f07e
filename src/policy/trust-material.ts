import type { KeyReference } from '../api/key-reference.ts';
import type { TrustRootResource } from '../api/resources.ts';
import type { VerificationKey } from '../sigstore/public-key.ts';
import type { TrustRoot } from '../sigstore/trust-root.ts';

/**
 * Trust that is kept elsewhere, as far as it is known now: the keys behind references, and the roots behind TUF repositories. It is
 * fetched beside the request's path (`trust/`); a snapshot is compiled with what there is.
 */
export interface TrustMaterial {
  key(reference: KeyReference): KeyState;
  /** Of a TrustRoot that does not hold its content itself. */
  root(resource: TrustRootResource): RootState;
  /** Roots that exist without a resource, by name: `public-good`. */
  readonly builtin: ReadonlyMap<string, RootState>;
}

/** The public keys behind a reference: one, or every version that its store still verifies with. */
export type KeyState =
  | {
      readonly kind: 'known';
      readonly keys: readonly [VerificationKey, ...VerificationKey[]];
      /** Milliseconds since the epoch from which on the last answer is too old to be relied on; undefined = never. */
      readonly usableUntil: number | undefined;
      /** Milliseconds since the epoch. */
      readonly resolvedAt: number;
      /** Why the last attempt to read it again failed. For people: no secrets. */
      readonly error: string | undefined;
    }
  | Unavailable;

export type RootState =
  | {
      readonly kind: 'known';
      readonly root: TrustRoot;
      /** Milliseconds since the epoch at which its own metadata expires; undefined = never. */
      readonly usableUntil: number | undefined;
      /** Milliseconds since the epoch; undefined = it came with the installation and was never refreshed. */
      readonly refreshedAt: number | undefined;
      readonly error: string | undefined;
    }
  | Unavailable;

/** Not there now, and may come: "cannot tell", never "no". */
export interface Unavailable {
  readonly kind: 'unavailable';
  /** One sentence for people: no secrets, no bodies of remote servers. */
  readonly reason: string;
  /** The first answer is still on its way. */
  readonly isPending?: true;
}
