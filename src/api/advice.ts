import { quote } from '../image/quote.ts';
import { LIMITS } from '../limits.ts';
import { rosterEntry } from '../slsa/roster.ts';
import type { BuilderRule, SlsaPolicy } from '../slsa/slsa-policy.ts';
import type {
  ExceptionGrant,
  KeylessIdentity,
  Resource,
  SigningPolicy,
  TrustedKey,
  TrustedSigner,
} from './resources.ts';

/** What a document is advised on beside its own text. */
export interface Circumstances {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Names as `policies` of an exception has them; undefined = not known yet. */
  readonly policies: ReadonlySet<string> | undefined;
}

/** What is valid and still risky: sentences for an API warning, each within `LIMITS.warningChars`. */
export function adviseOn(resource: Resource, circumstances: Circumstances): readonly string[] {
  switch (resource.kind) {
    case 'ClusterSigningPolicy':
    case 'SigningPolicy':
      return cut(adviseOnPolicy(resource));
    case 'TrustedSigner':
      return cut(adviseOnSigner(resource, circumstances));
    case 'TrustRoot':
      return [];
    case 'SigningException':
      return resource.grant === undefined ? [] : cut(adviseOnException(resource.grant, circumstances));
  }
}

/** An image that nobody has, at a registry that there is not. */
const ANY_IMAGE = 'zq7.example/zq7/zq7';

const DAY = 24 * 60 * 60 * 1000;
/** An exception is for an incident: what is needed for longer than a quarter belongs in the policy, where it is reviewed. */
const MAX_EXCEPTION_DAYS = 90;

function adviseOnException(grant: ExceptionGrant, { now, policies }: Circumstances): string[] {
  const { images, expiresAt } = grant;
  const advice: string[] = [];
  const all = images.find((glob) => glob.matches(ANY_IMAGE));
  if (all !== undefined) {
    advice.push(
      `images holds "${all.source}": whatever is named there runs unverified; name the images that need it`,
    );
  }
  if (expiresAt <= now) {
    advice.push(`expiresAt has passed: this exception excepts nothing; apply a new one with a later end`);
  } else if (expiresAt > now + MAX_EXCEPTION_DAYS * DAY) {
    advice.push(
      `expiresAt is more than ${MAX_EXCEPTION_DAYS} days ahead: choose an earlier end, or change the policy instead`,
    );
  }
  return [...advice, ...adviseOnExceptedPolicies(grant, policies)];
}

function adviseOnExceptedPolicies(
  { policies: named = new Set(), namespaces }: ExceptionGrant,
  known: Circumstances['policies'],
): string[] {
  const missing = known === undefined ? [] : [...named].filter((name) => !known.has(name));
  const foreign = [...named].filter((name) => name.includes('/') && !namespaces.has(namespaceIn(name)));
  return [
    ...(missing.length === 0 ? [] : [`policies names no existing policy: ${missing.map(quote).join(', ')}`]),
    ...(foreign.length === 0
      ? []
      : [`policies names a policy of a namespace that is not listed: ${foreign.map(quote).join(', ')}`]),
  ];
}

function namespaceIn(name: string): string {
  return name.slice(0, name.indexOf('/'));
}

function adviseOnSigner({ identity, expiresAt }: TrustedSigner, { now }: Circumstances): string[] {
  const isOver = expiresAt !== undefined && expiresAt <= now;
  return [
    ...adviseOnKey(identity),
    ...(isOver ? ['expiresAt has passed: this signer vouches for nothing; set a later expiresAt'] : []),
  ];
}

function adviseOnPolicy({ match, rules }: SigningPolicy): string[] {
  const advice: string[] = [];
  if (match.workloadSelector !== undefined) {
    advice.push(
      'match.workloadSelector: who creates a workload writes its labels, and so can leave this policy',
    );
  }
  if (match.excludeImages.some(({ source }) => source === '**')) {
    advice.push('match.excludeImages holds "**": this policy is about no image');
  }
  if (rules === undefined) return advice;
  if (rules.tagPolicy === 'Resolve') {
    advice.push('tagPolicy Resolve: a tag can be moved between the check and the pull; Pin closes that gap');
  }
  if (rules.transparency.keys.log === 'Ignored' && rules.trustedKeys.some(({ kind }) => kind !== 'keyless')) {
    advice.push('transparency.keys.log Ignored: no log shows what a stolen key signed, and when');
  }
  const signers = rules.attestations.flatMap((attestation) => attestation.signers);
  return [
    ...advice,
    ...(rules.slsa === undefined ? [] : adviseOnSlsa(rules.slsa.policy)),
    ...[...rules.trustedKeys, ...signers].flatMap(adviseOnKey),
  ];
}

/** A repository that nobody owns, on the platform where everybody has one. */
const ANY_REPOSITORY = 'https://github.com/zq7/zq7';

function adviseOnSlsa({ requiredLevel, builders, sources, refs, ...policy }: SlsaPolicy): string[] {
  const advice: string[] = [];
  // A builder with a signer of its own is one that the administrators run; one that its platform's certificate tells serves anybody.
  const isShared = builders.length === 0 || builders.some(({ signerRef }) => signerRef === undefined);
  if (requiredLevel >= 2 && isShared && sources.length === 0) {
    advice.push('slsa without sources: what anybody builds on the same platform counts; name your sources');
  }
  if (
    sources.some(
      ({ uri, ownerID, repositoryID }) =>
        ownerID === undefined && repositoryID === undefined && uri.matches(ANY_REPOSITORY),
    )
  ) {
    advice.push('slsa.sources lets in repositories of anybody: name the owner, or add ownerID');
  }
  advice.push(...builders.flatMap(adviseOnBuilder));
  const isAskedOfBuild =
    sources.length + refs.length + policy.buildTypes.length + policy.triggers.length > 0 ||
    policy.runnerEnvironment !== undefined;
  if (policy.verifiers.length > 0 && isAskedOfBuild) {
    advice.push(
      'slsa.verifiers: a summary tells no source, ref, build type, trigger or runner: none counts here',
    );
  }
  return advice;
}

/** Refs that a fork can make: GitHub runs a workflow there as one of the repository that was forked. */
const REFS_OF_FORKS = ['refs/pull/7/merge', '0'.repeat(40)];

/** The level of a builder that its certificate tells holds for each ref that the policy takes, and callers choose the ref. */
function adviseOnBuilder({ id, refs, level, signerRef }: BuilderRule): string[] {
  if (signerRef !== undefined || !id.includes('/.github/workflows/') || id.includes('@')) return [];
  if (refs.length === 0) {
    // The roster has versions of its own; without level, only released versions are worth 3.
    if (level !== 3 || rosterEntry(id) !== undefined) return [];
    return [
      'slsa.builders has level 3 without refs: branches, pull requests and commits of forks count; add refs',
    ];
  }
  const wide = refs.find((ref) => REFS_OF_FORKS.some((fork) => ref.matches(fork)));
  if (wide === undefined) return [];
  return [
    `slsa.builders.refs "${wide.source}" takes in pull requests or commits of forks; name tags or branches`,
  ];
}

function adviseOnKey(key: TrustedKey): string[] {
  return key.kind === 'keyless' ? adviseOnIdentity(key) : [];
}

/** Places where anybody can open an account, by the URI of something that nobody owns there. */
const ANY_ACCOUNT = [
  'https://github.com/zq7/zq7/.github/workflows/zq7.yml@refs/heads/zq7',
  'https://gitlab.com/zq7/zq7//.gitlab-ci.yml@refs/heads/zq7',
  'zq7@gmail.com',
];
const OWNER_EXTENSIONS = [
  'sourceRepositoryOwnerID',
  'sourceRepositoryID',
  'sourceRepositoryURI',
  'sourceRepositoryOwnerURI',
];
const BARE_DOT = /(?<!\\)(?:\.)(?:com|org|io|net|dev)\b/;

function adviseOnIdentity({ field, issuer, subject, extensions }: KeylessIdentity): string[] {
  const advice: string[] = [];
  const at = field.replace(/^spec\.?/, '');
  const named = at === '' ? '' : `${at}.`;
  const pinned = OWNER_EXTENSIONS.some((name) => extensions[name] !== undefined);
  if (!pinned && ANY_ACCOUNT.some((account) => subject.matches(account))) {
    advice.push(
      `${named}subjectRegExp lets in accounts of anybody: name the owner, or pin sourceRepositoryOwnerID`,
    );
  }
  for (const [name, text] of [['issuerRegExp', issuer] as const, ['subjectRegExp', subject] as const]) {
    if (text.kind === 'pattern' && BARE_DOT.test(text.source)) {
      advice.push(`${named}${name}: "." is any character; write "\\." where a dot is meant`);
    }
  }
  return advice;
}

function cut(advice: readonly string[]): readonly string[] {
  return advice.map((text) =>
    text.length <= LIMITS.warningChars ? text : `${text.slice(0, LIMITS.warningChars - 1)}…`,
  );
}
