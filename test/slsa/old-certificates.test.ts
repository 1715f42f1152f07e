import { describe, expect, test } from '@jest/globals';
import { parseRefPattern } from '../../src/slsa/ref-pattern.ts';
import type { SlsaPolicy } from '../../src/slsa/slsa-policy.ts';
import { isRefused, verifyEvidence } from '../../src/sigstore/verify.ts';
import type { CertificateIdentity } from '../../src/sigstore/verified-signature.ts';
import { bundleEvidence, type LeafOptions } from '../support/fixtures.ts';
import { emailName, uriName } from '../support/fixtures-certificates.ts';
import { utf8 } from '../support/fixtures-der.ts';
import { OLD_EXTENSIONS, oldLeaf as leafBefore2023, type OldExtensions } from '../support/provenance.ts';
import { D, FS, ROOT } from '../sigstore/support.ts';
import {
  attestStatement,
  builder,
  candidate,
  changed,
  COMMIT,
  GENERATOR,
  generatorStatement,
  OWN_WORKFLOW,
  SHARED_WORKFLOW,
  SOURCE,
  type Json,
} from './statements.ts';
import { ACME, ANY_ACME, codes, judge } from './judgements.ts';

const ISSUER = 'https://token.actions.githubusercontent.com';
const CONTAINER = 'https://github.com/slsa-framework/slsa-github-generator/container@v1';
const V14 = `${GENERATOR}@refs/tags/v1.4.0`;
const V15 = `${GENERATOR}@refs/tags/v1.5.0`;

const OLD = OLD_EXTENSIONS;
type Raw = OldExtensions;

const oldLeaf = (raw: Raw = OLD, changes: LeafOptions = {}) => leafBefore2023(V14, raw, changes);

const verified = (by: LeafOptions) =>
  verifyEvidence(bundleEvidence(FS.signStatement({ digests: [D], by })), ROOT);

function identityOf(by: LeafOptions): CertificateIdentity {
  const fact = verified(by);
  if (isRefused(fact)) throw new Error(`${fact.code}: ${fact.detail}`);
  return fact.signer as CertificateIdentity;
}

const refusalOf = (by: LeafOptions) => {
  const fact = verified(by);
  return isRefused(fact) ? fact.code : 'verified';
};

const under = (
  by: LeafOptions,
  rules: Partial<SlsaPolicy> = {},
  json: Json = generatorStatement(CONTAINER, V14),
) => judge({ sources: ACME, ...rules }, candidate(json, { signer: identityOf(by) }));

describe('certificates of Fulcio before 2023', () => {
  test('what they say has the names of today, and the workflow is the subject', () => {
    expect(identityOf(oldLeaf()).extensions).toEqual({
      buildSignerURI: V14,
      buildTrigger: 'push',
      sourceRepositoryURI: SOURCE,
      sourceRepositoryOwnerURI: 'https://github.com/acme',
      sourceRepositoryDigest: COMMIT,
      sourceRepositoryRef: 'refs/heads/main',
    });
  });

  test.each([V14, V15])('the generator as it was: %s', (id) => {
    const leaf = oldLeaf(OLD, { names: [uriName(id)] });
    const json = generatorStatement(CONTAINER, id);
    const named = { builders: [builder(GENERATOR, { refs: [parseRefPattern('>=1.4.0')], level: 3 })] };
    for (const rules of [{}, named, { refs: [parseRefPattern('refs/heads/main')], triggers: ['push'] }]) {
      expect(under(leaf, rules, json)).toMatchObject({
        kind: 'verified',
        best: { level: 3, builder: id, facts: { source: SOURCE, ref: 'refs/heads/main', commit: COMMIT } },
      });
    }
  });

  test.each<[string, LeafOptions, string]>([
    ['another repository', oldLeaf({ ...OLD, 5: 'evil/x' }), 'SLSA_SOURCE'],
    ['another ref', oldLeaf({ ...OLD, 6: 'refs/heads/evil' }), 'SLSA_SOURCE'],
    ['another commit', oldLeaf({ ...OLD, 3: 'e0'.repeat(20) }), 'SLSA_SOURCE'],
    ['another event', oldLeaf({ ...OLD, 2: 'pull_request' }), 'SLSA_TRIGGER'],
    ['another builder', oldLeaf(OLD, { names: [uriName(OWN_WORKFLOW)] }), 'SLSA_BUILDER'],
    ['another version', oldLeaf(OLD, { names: [uriName(V15)] }), 'SLSA_BUILDER'],
    ['a branch of it', oldLeaf(OLD, { names: [uriName(`${GENERATOR}@refs/heads/main`)] }), 'SLSA_BUILDER'],
    ['two subjects', oldLeaf(OLD, { names: [uriName(V14), uriName(OWN_WORKFLOW)] }), 'SLSA_BUILDER'],
    ['an e-mail address', oldLeaf(OLD, { names: [emailName('dev@acme.example')] }), 'SLSA_BUILDER'],
    ['another issuer', oldLeaf(OLD, { rawIssuer: 'https://accounts.google.com' }), 'SLSA_BUILDER'],
    ['the issuer of an enterprise', oldLeaf(OLD, { rawIssuer: `${ISSUER}/acme` }), 'SLSA_BUILDER'],
  ])('%s is refused', (_, leaf, code) => {
    expect(codes(under(oldLeaf()))).toEqual([]);
    expect(codes(under(leaf))).toContain(code);
  });

  test('what they cannot say stays unknown, and a policy that asks for it is not met', () => {
    expect(codes(under(oldLeaf()))).toEqual([]);
    expect(codes(under(oldLeaf(), { runnerEnvironment: 'github-hosted' }))).toEqual(['SLSA_RUNNER']);
    for (const id of [{ ownerID: '123456' }, { repositoryID: '474793590' }]) {
      expect(codes(under(oldLeaf(), { sources: [{ ...ANY_ACME, ...id }] }))).toEqual(['SLSA_SOURCE']);
    }
    // Which repository's workflow called is not in them either, nor the runner: only the roster knows its builders.
    const shared = oldLeaf(OLD, { names: [uriName(SHARED_WORKFLOW)] });
    expect(under(shared, {}, attestStatement(SHARED_WORKFLOW))).toMatchObject({
      kind: 'violated',
      nearest: { level: 2 },
    });
  });

  test('without a source in it, a certificate vouches for none', () => {
    const { 5: _, ...silent } = OLD;
    expect(codes(under(oldLeaf(silent)))).toEqual(['SLSA_SOURCE']);
    expect(codes(under(oldLeaf(silent), { sources: [] }))).toEqual([]);
  });
});

describe('certificates with extensions of both times', () => {
  const NEW = {
    sourceRepositoryURI: SOURCE,
    sourceRepositoryDigest: COMMIT,
    sourceRepositoryRef: 'refs/heads/main',
    buildTrigger: 'push',
    buildSignerURI: V14,
    runnerEnvironment: 'github-hosted',
  } as const;
  const both = (raw: Raw = OLD, extensions: LeafOptions['extensions'] = NEW, issuer = ISSUER) =>
    oldLeaf(raw, { issuer, rawIssuer: issuer, extensions });

  test('agree', () => {
    expect(identityOf(both()).extensions).toEqual(NEW);
    expect(codes(under(both()))).toEqual([]);
    expect(
      identityOf(both(OLD, { ...NEW, sourceRepositoryDigest: `sha1:${COMMIT}` })).extensions,
    ).toMatchObject({
      sourceRepositoryDigest: `sha1:${COMMIT}`,
    });
  });

  test.each<[string, Raw]>([
    ['the repository', { ...OLD, 5: 'evil/x' }],
    ['the ref', { ...OLD, 6: 'refs/heads/evil' }],
    ['the commit', { ...OLD, 3: 'e0'.repeat(20) }],
    ['the event', { ...OLD, 2: 'pull_request' }],
  ])('or are refused: %s', (_, raw) => {
    expect(refusalOf(both())).toBe('verified');
    expect(refusalOf(both(raw))).toBe('CERT_INVALID');
    // Only one half of it new.
    expect(refusalOf(oldLeaf(raw, { extensions: NEW }))).toBe('CERT_INVALID');
    // Another issuer's old extensions mean nothing that is known.
    expect(refusalOf(both(raw, NEW, 'https://ci.example.com'))).toBe('verified');
  });

  test('one new extension, and the old ones are not read for what is missing', () => {
    const { sourceRepositoryURI: _, ...silent } = NEW;
    expect(identityOf(both(OLD, silent)).extensions).toEqual(silent);
    expect(codes(under(both(OLD, silent)))).toEqual(['SLSA_SOURCE']);
    expect(identityOf(oldLeaf(OLD, { issuer: ISSUER })).extensions).toEqual({});
    expect(codes(under(oldLeaf(OLD, { issuer: ISSUER })))).toContain('SLSA_BUILDER');
    // The runner that the roster's builders choose is taken on trust from old certificates only.
    const { runnerEnvironment: _runner, ...untold } = NEW;
    const config = { ...untold, buildConfigURI: OWN_WORKFLOW };
    expect(under(both(OLD, config))).toMatchObject({ kind: 'violated', nearest: { level: 2 } });
  });

  test.each<[string, Raw]>([
    ['no owner', { ...OLD, 5: 'app' }],
    ['a URL', { ...OLD, 5: SOURCE }],
    ['a path above it', { ...OLD, 5: 'acme/app/../x' }],
    ['nothing', { ...OLD, 5: '' }],
    ['letters that look alike', { ...OLD, 5: 'аcme/app' }],
    ['DER', { ...OLD, 5: utf8('acme/app') }],
    ['a line break in the ref', { ...OLD, 6: 'refs/heads/main\n' }],
  ])('a repository that is %s', (_, raw) => {
    expect(refusalOf(oldLeaf())).toBe('verified');
    expect(refusalOf(oldLeaf(raw))).toBe('CERT_INVALID');
  });

  test('a statement for another repository, under an old certificate of ours', () => {
    const evil = ['invocation.configSource.uri', 'materials.0.uri'].reduce(
      (json, path) => changed(json, `predicate.${path}`, 'git+https://github.com/evil/x@refs/heads/main'),
      generatorStatement(CONTAINER, V14),
    );
    expect(codes(under(oldLeaf(), {}, evil))).toEqual(['SLSA_SOURCE']);
  });
});
