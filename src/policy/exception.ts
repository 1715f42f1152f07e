import type { ExceptionGrant, SigningException } from '../api/resources.ts';
import { imageName } from '../image/reference.ts';
import type { ImageFacts } from './image-facts.ts';
import type { CompiledPolicy, Snapshot } from './snapshot.ts';
import type { AppliedException, Outcome, PolicyIdentity, Verdict, ViolationCode } from './verdict.ts';

/** An exception whose time has not passed. */
export interface ExceptionInForce {
  readonly name: string;
  readonly grant: ExceptionGrant;
}

/** A `SigningException` of a document without problems, and before its end (`now`: milliseconds since the epoch). */
export function isInForce({ grant }: SigningException, now: number): boolean {
  return grant !== undefined && now < grant.expiresAt;
}

/** Those of a namespace; undefined namespace = of none. The one that lasts longest comes first: it is the one that is told. */
export function exceptionsInForce(
  { exceptions }: Snapshot,
  namespace: string | undefined,
  now: number,
): readonly ExceptionInForce[] {
  if (namespace === undefined) return [];
  return exceptions
    .flatMap((exception) => {
      const { name, grant } = exception;
      return grant !== undefined && isInForce(exception, now) && grant.namespaces.has(namespace)
        ? [{ name, grant }]
        : [];
    })
    .sort((a, b) => b.grant.expiresAt - a.grant.expiresAt || (a.name < b.name ? -1 : 1));
}

/**
 * The exception because of which a verdict denies nothing. Only Enforce denies, so that the other modes stay as they are.
 * @param compiled the verdict's policy; undefined = the installation's own rule
 */
export function exceptionFor(
  { policy, mode, outcome }: Verdict,
  compiled: CompiledPolicy | undefined,
  facts: Pick<ImageFacts, 'reference' | 'digest' | 'platforms'>,
  exceptions: readonly ExceptionInForce[],
): AppliedException | undefined {
  const { reference } = facts;
  if (exceptions.length === 0 || mode !== 'Enforce' || 'problem' in reference) return undefined;
  if (!isLiftable(outcome) || (compiled !== undefined && mayBeRevoked(compiled, facts))) return undefined;
  const name = imageName(reference);
  const found = exceptions.find(({ grant }) => covers(grant, name, policy));
  return found === undefined ? undefined : { name: found.name, expiresAt: found.grant.expiresAt };
}

/** The name of a policy in `policies` of an exception. */
export function policyKey({ namespace, name }: Pick<PolicyIdentity, 'namespace' | 'name'>): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** Names that `policies` of an exception can hold now. */
export function policyKeys({ policies }: Pick<Snapshot, 'policies'>): ReadonlySet<string> {
  return new Set(policies.map(({ policy }) => policyKey(policy)));
}

function covers({ images, policies }: ExceptionGrant, name: string, policy: PolicyIdentity | undefined) {
  const isOf = policies === undefined || (policy !== undefined && policies.has(policyKey(policy)));
  return isOf && images.some((glob) => glob.matches(name));
}

/** What somebody refused by name, and what no node could run either. */
const NEVER_LIFTED: ReadonlySet<ViolationCode> = new Set<ViolationCode>([
  'DIGEST_REVOKED',
  'REF_INVALID',
  'REVIEW_INVALID',
]);

function isLiftable(outcome: Outcome): boolean {
  switch (outcome.kind) {
    case 'verified':
      return false;
    case 'violated':
      return !outcome.violations.some(({ code }) => NEVER_LIFTED.has(code));
    case 'faulted':
      // The digest was never asked for, or the policies are not known: nothing was judged that could be excepted.
      return !outcome.faults.some(({ code }) => code === 'INTERNAL' || code === 'NOT_SYNCED');
  }
}

/**
 * Whether `revokedDigests` may hold what the node would run. A verdict rests on the first reason that is found, so a fault or another
 * "no" can stand before the revocation: whoever pushes an image could otherwise choose the way in which it fails.
 */
function mayBeRevoked(
  { policy: { rules, revokes } }: CompiledPolicy,
  { digest, platforms }: Pick<ImageFacts, 'digest' | 'platforms'>,
): boolean {
  if (rules === undefined) return revokes;
  const { revokedDigests } = rules;
  if (revokedDigests.size === 0) return false;
  if (digest.kind !== 'known' || !digest.digest.startsWith('sha256:')) return true;
  if (revokedDigests.has(digest.digest)) return true;
  if (platforms.kind === 'none') return false;
  return platforms.kind !== 'known' || platforms.platforms.some((each) => revokedDigests.has(each.digest));
}
