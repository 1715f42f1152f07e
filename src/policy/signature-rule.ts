import type { PolicyRules } from '../api/resources.ts';
import type { RefusedEvidence, VerifiedSignature } from '../sigstore/verified-signature.ts';
import type { FoundFacts, VerifiedFact } from './image-facts.ts';
import { maximumMatching } from './maximum-matching.ts';
import { grouped, keepBest, mostTelling, refusal, signatureBounds } from './reason-order.ts';
import { describeIdentity, type ExpandedEntries, type SignerEntry } from './signer-entry.ts';
import { describeSigner, matchSigner } from './signer-match.ts';
import type { BoundContext } from './trust-binding.ts';
import type { FaultReason, MatchedSigner, Outcome, Violation } from './verdict.ts';

/**
 * `requireSignature`: enough distinct signers signed this digest. Signatures only, never attestations; the digest asked for
 * must be among those signed. One good signature is enough beside any number of bad ones.
 * @param entries as they stand at `now`, and enough of them
 * @param now milliseconds since the epoch
 */
export function evaluateSignatures(
  rules: PolicyRules,
  entries: ExpandedEntries,
  digest: string,
  facts: FoundFacts,
  now: number,
): Outcome {
  const findings: Violation[] = facts.refused.filter((each) => each.isBound !== true).map(asViolation);
  const candidates = candidatesOf(entries.usable, facts, digest, rules, now, findings);
  const signers = distinctSigners(entries.usable, candidates);
  if (signers.length >= rules.threshold) return { kind: 'verified', signers, warnings: [] };

  const [fault, ...faults] = [...facts.faults, ...missingAnswers(rules, entries, signers.length, facts)];
  if (fault !== undefined) return { kind: 'faulted', faults: [fault, ...faults] };
  if (signers.length > 0) findings.push(thresholdViolation(rules, signers));
  const missing: Violation = { code: 'SIGNATURE_MISSING', detail: 'no signature was found' };
  const [first = missing, ...rest] = grouped([...signatureBounds(facts.refused), ...mostTelling(findings)]);
  return { kind: 'violated', violations: [first, ...rest] };
}

/** Keys and roots that cannot be had now, where one of them could still make up what is missing. */
function missingAnswers(
  rules: PolicyRules,
  { usable, unavailable }: ExpandedEntries,
  signers: number,
  { byContext, refused, isEmpty }: FoundFacts,
): readonly FaultReason[] {
  if (isEmpty === true || signers + unavailable.length < rules.threshold) return [];
  const isUnsigned = [refused, ...byContext.values()].every((facts) => facts.every(isAttestation));
  // Where no signature was found, no key can have made it.
  if (usable.length > 0 && isUnsigned) return [];
  return unavailable.map(({ label, fault: { code, detail } }) => ({ code, detail: `${label}: ${detail}` }));
}

/** One signature that counts for one entry. */
interface Candidate {
  readonly entry: SignerEntry;
  readonly signature: VerifiedSignature;
  readonly signer: MatchedSigner;
}

/** Holds every verified signature against every entry of its trust context; what does not count goes to `findings`. */
function candidatesOf(
  entries: readonly SignerEntry[],
  facts: FoundFacts,
  digest: string,
  rules: PolicyRules,
  now: number,
  findings: Violation[],
): readonly Candidate[] {
  const candidates: Candidate[] = [];
  // One piece of evidence is tried in several contexts and against several entries: only its best reason is told.
  const reasons = new Map<string, Violation>();
  for (const entry of entries) {
    for (const fact of entry.contexts.flatMap(({ id }) => facts.byContext.get(id) ?? [])) {
      const held = holdAgainst(entry, fact, digest, rules, now);
      if (held.counts) candidates.push({ entry, signature: held.signature, signer: held.signer });
      else keepBest(reasons, fact.source, { source: fact.source, ...held.violation });
    }
  }
  for (const { signature } of candidates) reasons.delete(signature.source);
  findings.push(...reasons.values());
  return candidates;
}

/** What came of holding one fact against one entry. */
export type Held =
  | { readonly counts: true; readonly signature: VerifiedSignature; readonly signer: MatchedSigner }
  | { readonly counts: false; readonly violation: Violation };

/**
 * One piece of evidence, as it was verified in a context of the entry: it counts for the entry, or the first reason why not.
 * @param digest that was asked for
 * @param now milliseconds since the epoch
 */
export function holdAgainst(
  entry: SignerEntry,
  fact: VerifiedSignature | RefusedEvidence,
  digest: string,
  rules: PolicyRules,
  now: number,
): Held {
  if (isRefused(fact)) return { counts: false, violation: asViolation(fact) };
  const violation = contentViolation(fact, digest);
  if (violation !== undefined) return { counts: false, violation };
  const match = matchSigner(entry, fact, rules, now);
  return match.counts ? { ...match, signature: fact } : match;
}

export function isRefused(fact: VerifiedSignature | RefusedEvidence): fact is RefusedEvidence {
  return 'code' in fact;
}

/** What verified in one context. */
export function verifiedIn({ id }: BoundContext, { byContext }: FoundFacts): readonly VerifiedFact[] {
  return (byContext.get(id) ?? []).flatMap((fact) => ('code' in fact ? [] : [fact]));
}

export function isAttestation(fact: VerifiedSignature | RefusedEvidence): boolean {
  return isRefused(fact) ? fact.claims === 'attestation' : fact.content.kind === 'attestation';
}

/** What the refusal of a piece of evidence says about the image. */
export function asViolation(refused: RefusedEvidence): Violation {
  const { source, claims } = refused;
  // Provenance by somebody else does not make an image "signed, but": it is not signed.
  if (claims === 'attestation') {
    return {
      code: 'SIGNATURE_MISSING',
      source,
      detail: `no signature was found; ${source} is an attestation`,
    };
  }
  return refusal(refused);
}

/** Is it a signature at all, and of this image? A bundle may be about another one: the digest is the only link to this. */
function contentViolation(fact: VerifiedSignature, digest: string): Violation | undefined {
  if (!fact.digests.includes(digest)) {
    return {
      code: 'DIGEST_MISMATCH',
      detail: `${fact.source}: signed by ${describeSigner(fact)}, but for another image (${fact.digests[0] ?? 'none'})`,
    };
  }
  if (fact.content.kind === 'attestation') {
    return {
      code: 'SIGNATURE_MISSING',
      detail: `no signature was found; an attestation of type ${fact.content.predicateType} is not one`,
    };
  }
  return undefined;
}

/** As many distinct signers as can be matched at once: distinct entries with distinct identities. */
function distinctSigners(
  entries: readonly SignerEntry[],
  candidates: readonly Candidate[],
): readonly MatchedSigner[] {
  const identities = new IdentityIndex();
  for (const { signature, entry } of candidates) identities.add(signature, entry);
  const ofEntry = entries.map((entry) => candidates.filter((candidate) => candidate.entry === entry));
  const pairs = maximumMatching(ofEntry.map((own) => own.map(({ signature }) => identities.of(signature))));
  return pairs.flatMap((identity, index) => {
    const match = ofEntry[index]?.find(({ signature }) => identities.of(signature) === identity);
    return match === undefined ? [] : [match.signer];
  });
}

/** Numbers identities: two certificates of one issuer that share a name are one identity, however many names each has. */
class IdentityIndex {
  readonly #names = new Map<string, number>();
  readonly #parents: number[] = [];

  add(signature: VerifiedSignature, { identity }: SignerEntry): void {
    // The versions of one key are held by one signer, wherever else one of them is named.
    const versions = identity.kind === 'keys' ? identity.fingerprints : [];
    const numbers = [...identityNames(signature), ...versions].map((name) => this.#number(name));
    const [first] = numbers;
    for (const other of numbers) {
      if (first !== undefined) this.#parents[this.#root(other)] = this.#root(first);
    }
  }

  of(signature: VerifiedSignature): number {
    const [name] = identityNames(signature);
    return this.#root(this.#names.get(name ?? '') ?? -1);
  }

  #number(name: string): number {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const number = this.#parents.length;
    this.#parents.push(number);
    this.#names.set(name, number);
    return number;
  }

  #root(number: number): number {
    let root = number;
    for (
      let parent = this.#parents[root];
      parent !== undefined && parent !== root;
      parent = this.#parents[root]
    ) {
      root = parent;
    }
    return root;
  }
}

function identityNames({ signer }: VerifiedSignature): readonly string[] {
  if (signer.kind === 'key') return [signer.fingerprint];
  // Not the trust root: two of them that hold the same authority would make two people of one.
  return signer.names.map(({ type, value }) => JSON.stringify([signer.issuer ?? '', type, value]));
}

/**
 * The entries as they stand now cannot reach the threshold, whatever is found: no registry has to be heard for that.
 * @param what they are called, for people
 */
export function unusableViolation(
  threshold: number,
  { usable, unavailable, unusable }: ExpandedEntries,
  what = 'trusted keys',
): Violation | undefined {
  const named = unusable.map(({ label, why }) => `${label}: ${why}`).join('; ');
  const candidates = [...usable, ...unavailable];
  if (candidates.length === 0) {
    return { code: 'POLICY_INVALID', detail: `none of its ${what} can be used: ${named}` };
  }
  if (candidates.length < threshold) {
    const labels = candidates.map(({ label }) => label).join(', ');
    const rest = named === '' ? '' : `; not usable: ${named}`;
    return {
      code: 'THRESHOLD',
      detail: `its threshold is ${threshold}, and only ${candidates.length} of its entries can be used (${labels})${rest}`,
    };
  }
  return undefined;
}

function thresholdViolation(rules: PolicyRules, signers: readonly MatchedSigner[]): Violation {
  const names = signers.map(({ entry, identity }) => `${entry} as ${identity}`).join(', ');
  return {
    code: 'THRESHOLD',
    detail: `${signers.length} of ${rules.threshold} distinct signers were found: ${names}`,
  };
}

/** What the policy would accept, for people. */
export function describeExpectation(rules: PolicyRules, entries: ExpandedEntries): string {
  return `${rules.threshold === 1 ? 'a signature' : `${rules.threshold} signatures of distinct signers`} by ${describeEntries(entries)}`;
}

/** Any of the entries, for people. */
export function describeEntries({ usable }: ExpandedEntries): string {
  const signers = usable.map(({ label, identity }) => `${describeIdentity(identity)} [${label}]`);
  const shown = signers.slice(0, 5).join(' or ');
  return signers.length > 5 ? `${shown} or ${signers.length - 5} more` : shown;
}
