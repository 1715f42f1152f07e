import { evaluateSlsa } from '../../src/slsa/evaluate-slsa.ts';
import { parseRefPattern } from '../../src/slsa/ref-pattern.ts';
import type { SlsaCandidate } from '../../src/slsa/slsa-candidate.ts';
import type { SlsaOutcome } from '../../src/slsa/slsa-outcome.ts';
import type { SlsaPolicy } from '../../src/slsa/slsa-policy.ts';
import { parseSourcePattern } from '../../src/slsa/source-uri.ts';
import type { CertificateIdentity, KeyIdentity } from '../../src/sigstore/verified-signature.ts';
import {
  builder,
  candidate,
  CLOUD_BUILD,
  GENERATOR,
  generatorStatement,
  githubSigner,
  IMAGE,
  KEY,
  NOW,
  policy,
  RELEASED,
  TEKTON_BUILDER,
} from './statements.ts';

export type Signer = CertificateIdentity | KeyIdentity;

export const judge = (rules: Partial<SlsaPolicy>, ...candidates: readonly SlsaCandidate[]): SlsaOutcome =>
  evaluateSlsa(policy(rules), IMAGE, candidates, NOW);

/** The codes of a refusal, nearest first; none for a verified image. */
export const codes = (outcome: SlsaOutcome): readonly string[] =>
  outcome.kind === 'verified' ? [] : outcome.violations.map(({ code }) => code);

export const sources = (...uris: readonly string[]) =>
  uris.map((uri) => ({ uri: parseSourcePattern(uri), ownerID: undefined, repositoryID: undefined }));

export const ANY_ACME = {
  uri: parseSourcePattern('https://github.com/acme/*'),
  ownerID: undefined,
  repositoryID: undefined,
};
export const ACME = [ANY_ACME];
export const CHAINS = builder(TEKTON_BUILDER, { level: 2, signerRef: 'tekton-chains' });
export const byChains = { signer: KEY, signerRefs: new Set(['tekton-chains']) };
export const GOOGLE = builder(CLOUD_BUILD, { signerRef: 'cloud-build' });
export const byGoogle = { signer: KEY, signerRefs: new Set(['cloud-build']) };

export const byGenerator = { signer: githubSigner(RELEASED) };
/** slsa-github-generator's container workflow, called by acme/app. */
export const GOLD = candidate(generatorStatement(), byGenerator);
export const GOLD_POLICY: Partial<SlsaPolicy> = {
  builders: [builder(GENERATOR, { refs: [parseRefPattern('refs/tags/v2.*')], level: 3 })],
  sources: ACME,
};
