import { describe, expect, test } from '@jest/globals';
import { githubServerOf } from '../../src/slsa/platform-issuer.ts';
import { parseSourcePattern } from '../../src/slsa/source-uri.ts';
import type { CertificateIdentity } from '../../src/sigstore/verified-signature.ts';
import type { SlsaPolicy } from '../../src/slsa/slsa-policy.ts';
import {
  attestStatement,
  candidate,
  generatorStatement,
  githubSigner,
  RELEASED,
  SHARED_WORKFLOW,
  type Json,
} from './statements.ts';
import { ACME, codes, judge } from './judgements.ts';

const PLAIN = 'https://token.actions.githubusercontent.com';
const OWN_HOST = 'https://github.corp.example';

const by = (issuer: string, githubIssuers: readonly string[], rules: Partial<SlsaPolicy> = {}) =>
  judge(
    { requiredLevel: 3, sources: ACME, githubIssuers, ...rules },
    candidate(attestStatement(SHARED_WORKFLOW), { signer: { ...githubSigner(SHARED_WORKFLOW), issuer } }),
  );
/** The same build on a server of one's own. */
const moved = <T extends Json | CertificateIdentity>(from: T, server: string): T =>
  JSON.parse(JSON.stringify(from).replaceAll('https://github.com/', `${server}/`)) as T;

describe('issuers of GitHub Enterprise', () => {
  const SLUG = `${PLAIN}/acme-corp`;

  test('only those that the policy names speak for GitHub: another slug does not, nor does the plain issuer', () => {
    expect(codes(by(SLUG, [SLUG]))).toEqual([]);
    for (const issuer of [
      PLAIN,
      `${PLAIN}/`,
      `${PLAIN}/acme`,
      `${PLAIN}/acme-corp/`,
      `${PLAIN}/Acme-Corp`,
      `${PLAIN}/acme-corp2`,
      `${PLAIN}/evil/acme-corp`,
      `${OWN_HOST}/_services/token`,
    ]) {
      expect([issuer, codes(by(issuer, [SLUG]))]).toEqual([issuer, ['SLSA_BUILDER', 'SLSA_SOURCE']]);
      // Nor does its certificate vouch for a source at level 1.
      expect(codes(by(issuer, [SLUG], { requiredLevel: 1 }))).toEqual(['SLSA_SOURCE']);
    }
    expect(codes(by(PLAIN, [SLUG, PLAIN]))).toEqual([]);
  });

  test('without the field none but the plain issuer does, and the denial names the field', () => {
    expect(codes(by(PLAIN, [PLAIN]))).toEqual([]);
    const outcome = by(SLUG, [PLAIN]);
    expect(codes(outcome)).toEqual(['SLSA_BUILDER', 'SLSA_SOURCE']);
    expect(JSON.stringify(outcome)).toContain(
      `expected an identity of GitHub Actions from an issuer of slsa.githubIssuers (${PLAIN})`,
    );
  });

  test('the builders of the roster are on github.com: an enterprise calls them, a server of its own has none', () => {
    const generated = (
      issuer: string,
      owner = 'https://github.com/acme',
      rules: Partial<SlsaPolicy> = {},
    ) => {
      const signer = { ...githubSigner(RELEASED, { sourceRepositoryOwnerURI: owner }), issuer };
      return codes(
        judge(
          { githubIssuers: [issuer], sources: ACME, ...rules },
          candidate(generatorStatement(), { signer }),
        ),
      );
    };
    expect(generated(SLUG)).toEqual([]);
    const own = [`${OWN_HOST}/_services/token`, `${OWN_HOST}/acme`] as const;
    expect(generated(...own)).toEqual(['SLSA_BUILDER', 'SLSA_SOURCE']);
    // Its certificate vouches for no source on github.com, at any level.
    expect(generated(...own, { requiredLevel: 1 })).toEqual(['SLSA_SOURCE']);
    expect(generated(...own, { requiredLevel: 1, sources: [] })).toEqual([]);
  });

  const onServer = (server: string, issuer: string, runner = 'github-hosted') => {
    const json = moved(attestStatement(SHARED_WORKFLOW), server);
    const signer = moved({ ...githubSigner(SHARED_WORKFLOW, { runnerEnvironment: runner }), issuer }, server);
    const changedJson = JSON.parse(JSON.stringify(json).replace('"github-hosted"', `"${runner}"`)) as Json;
    const own = { uri: parseSourcePattern(`${server}/acme/*`), ownerID: undefined, repositoryID: undefined };
    return judge(
      { githubIssuers: [issuer], sources: [own] },
      candidate(changedJson, { signer: { ...signer, issuer } }),
    );
  };

  test('an issuer speaks for the workflows of its own server only', () => {
    const residence = 'https://acme.ghe.com';
    const atHome = onServer(residence, 'https://token.actions.acme.ghe.com');
    expect(atHome).toMatchObject({
      kind: 'verified',
      best: { level: 3, facts: { source: `${residence}/acme/app` } },
    });
    for (const [server, issuer] of [
      ['https://github.com', 'https://token.actions.acme.ghe.com'],
      ['https://evil.ghe.com', 'https://token.actions.acme.ghe.com'],
      [residence, SLUG],
      [OWN_HOST, SLUG],
      [`${OWN_HOST}:8443`, `${OWN_HOST}/_services/token`],
      [`${OWN_HOST}.evil.example`, `${OWN_HOST}/_services/token`],
    ] as const) {
      expect([server, issuer, codes(onServer(server, issuer))]).toEqual([
        server,
        issuer,
        ['SLSA_BUILDER', 'SLSA_SOURCE'],
      ]);
    }
  });

  test('a server of its own has runners of its own: level 1, until the policy gives its builder another', () => {
    const issuer = `${OWN_HOST}/_services/token`;
    expect(onServer(OWN_HOST, issuer, 'self-hosted')).toMatchObject({
      kind: 'violated',
      nearest: { level: 1 },
    });
    expect(onServer(OWN_HOST, issuer)).toMatchObject({ kind: 'verified', best: { level: 3 } });
  });

  test.each([
    [PLAIN, 'https://github.com'],
    [SLUG, 'https://github.com'],
    [`${OWN_HOST}/_services/token`, OWN_HOST],
    [`${OWN_HOST}:8443/_services/token`, `${OWN_HOST}:8443`],
    ['https://token.actions.acme.ghe.com', 'https://acme.ghe.com'],
    [`${PLAIN}/`, undefined],
    [`${PLAIN}/a/b`, undefined],
    [`${PLAIN}/a?b`, undefined],
    [`${PLAIN}.evil.example`, undefined],
    [`http://token.actions.githubusercontent.com`, undefined],
    ['https://github.com/_services/token', undefined],
    ['https://github.com:443/_services/token', undefined],
    [`${PLAIN}/_services/token`, undefined],
    ['https://gitlab.com/_services/token', undefined],
    [`${OWN_HOST}/_services/token/`, undefined],
    [`${OWN_HOST}/x/_services/token`, undefined],
    ['https://a@github.corp.example/_services/token', undefined],
    ['https://token.actions.a.b.ghe.com', undefined],
    ['https://token.actions..ghe.com', undefined],
    ['https://gitlab.com', undefined],
    ['', undefined],
  ])('%s speaks for %s', (issuer, server) => {
    expect(githubServerOf(issuer)).toBe(server);
  });
});
