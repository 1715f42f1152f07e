import { LIMITS } from '../limits.ts';
import type { KeylessIdentity, Resource, SigningPolicy, TrustedKey } from './resources.ts';

/** What is valid and still risky: sentences for an API warning, each within `LIMITS.warningChars`. */
export function adviseOn(resource: Resource): readonly string[] {
  switch (resource.kind) {
    case 'ClusterSigningPolicy':
    case 'SigningPolicy':
      return cut(adviseOnPolicy(resource));
    case 'TrustedSigner':
      return cut(adviseOnKey(resource.identity));
    case 'TrustRoot':
      return [];
  }
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
  return [...advice, ...rules.trustedKeys.flatMap(adviseOnKey)];
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
