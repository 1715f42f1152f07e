import type { PolicyRules } from '../api/resources.ts';
import type { VerificationKey } from '../sigstore/public-key.ts';
import type { TrustRoot } from '../sigstore/trust-root.ts';
import type { TrustContext } from '../sigstore/verify.ts';
import type { KeyState, RootState } from './trust-material.ts';
import type { FaultReason } from './verdict.ts';

/** A trust context with its name: equal names, equal contexts. */
export interface BoundContext {
  readonly id: string;
  readonly context: TrustContext;
}

/** From then on (milliseconds since the epoch) what a context was made of is too old to rely on, and why. */
export interface Stale {
  readonly from: number;
  readonly fault: FaultReason;
}

/** A trust root by its name, as far as it can be had. */
export type BoundRoot =
  | {
      readonly kind: 'bound';
      readonly bound: BoundContext;
      readonly root: TrustRoot;
      readonly stale: Stale | undefined;
    }
  /** It may be had later: nobody's "no". */
  | { readonly kind: 'unavailable'; readonly fault: FaultReason }
  /** It is not there at all: the policy's fault. */
  | { readonly kind: 'unusable'; readonly why: string };

export function bindRoot(name: string, trustRoots: ReadonlyMap<string, RootState>): BoundRoot {
  const state = trustRoots.get(name);
  if (state === undefined) {
    return { kind: 'unusable', why: `TrustRoot "${name}" does not exist or is not valid` };
  }
  if (state.kind === 'unavailable') {
    const detail = `TrustRoot "${name}" cannot be had: ${state.reason}`;
    return { kind: 'unavailable', fault: { code: 'TRUSTROOT_UNAVAILABLE', detail } };
  }
  const { root, usableUntil, error } = state;
  const bound = { id: `root ${root.fingerprint}`, context: { kind: 'root', root } } as const;
  const detail = `TrustRoot "${name}" has expired and could not be renewed${because(error)}`;
  return {
    kind: 'bound',
    bound,
    root,
    stale:
      usableUntil === undefined
        ? undefined
        : { from: usableUntil, fault: { code: 'TRUSTROOT_UNAVAILABLE', detail } },
  };
}

/** Keys that signatures are verified with, and the root of their logs and timestamps. */
export interface BoundKeys {
  readonly contexts: readonly [BoundContext, ...BoundContext[]];
  readonly stale: Stale | undefined;
}

/** @param ofKeys when the keys themselves become too old */
export function bindKeys(
  [first, ...others]: readonly [VerificationKey, ...VerificationKey[]],
  ofKeys: Stale | undefined,
  root: BoundRoot,
  rules: PolicyRules,
): BoundKeys {
  const known = root.kind === 'bound' ? root : undefined;
  const bound = (key: VerificationKey) => boundKey(key, known?.root);
  // Proofs that nobody asks for need no root, so a root's age does not matter to them.
  const ofRoot = keysNeedRoot(rules) ? known?.stale : undefined;
  return { contexts: [bound(first), ...others.map(bound)], stale: earlier(ofKeys, ofRoot) };
}

/** Whether a key's signature counts only with a proof that a trust root verifies. */
export function keysNeedRoot({ transparency: { keys } }: PolicyRules): boolean {
  return keys.log === 'Required' || keys.timestamp === 'Required';
}

/** When the keys behind a reference become too old to rely on. */
export function staleKeys(
  uri: string,
  { usableUntil, error }: Extract<KeyState, { kind: 'known' }>,
): Stale | undefined {
  if (usableUntil === undefined) return undefined;
  const fault = keyFault(`the key ${uri} could not be read again in time${because(error)}`);
  return { from: usableUntil, fault };
}

export function keyFault(detail: string): FaultReason {
  return { code: 'KEY_UNAVAILABLE', detail };
}

function boundKey(key: VerificationKey, root: TrustRoot | undefined): BoundContext {
  const certificate =
    key.certificate === undefined ? '' : ` certificate ${key.certificate.toString('base64')}`;
  const id = `key ${key.fingerprint}${certificate} ${root?.fingerprint ?? ''}`;
  return { id, context: { kind: 'key', key, root } };
}

function because(error: string | undefined): string {
  return error === undefined ? '' : `: ${error}`;
}

function earlier(a: Stale | undefined, b: Stale | undefined): Stale | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.from <= b.from ? a : b;
}
