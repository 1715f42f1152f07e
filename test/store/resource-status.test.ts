import { describe, expect, test } from '@jest/globals';
import { inspectResource } from '../../src/api/resource.ts';
import type { KeyState, RootState } from '../../src/policy/trust-material.ts';
import { compileSnapshot } from '../../src/policy/snapshot.ts';
import type { StoredResource } from '../../src/store/kubernetes-store.ts';
import {
  isUpToDate,
  SnapshotView,
  statusDocument,
  statusOf,
  type ResourceStatus,
} from '../../src/store/resource-status.ts';
import { KEY, keysKnown, NOT_READ, OTHER_KEY, root, rootKnown } from '../policy/builders.ts';
import { staticTrust } from '../support/trust.ts';
import { policy, signer, trustRoot } from './documents.ts';

/** What the status of a resource says of keys and roots that are kept elsewhere. */

const URI = 'hashivault://release';
const READ_AT = Date.parse('2026-11-22T12:00:00.789Z');
const UNTIL = Date.parse('2026-12-01T00:00:00Z');
const ENTRY = { keyRef: { uri: URI } };
const INLINE = { publicKey: { pem: signer('x').spec.publicKey.pem } };
const KEPT = { ...signer('ci'), spec: ENTRY };
const PUBLIC_GOOD = { ...trustRoot('mirrored'), spec: { publicGood: {} } };

interface World {
  readonly keys?: Readonly<Record<string, KeyState>>;
  readonly roots?: Readonly<Record<string, RootState>>;
  readonly now?: number;
}

function statusIn(
  { keys = {}, roots = {}, now = READ_AT }: World,
  json: object,
  ...others: object[]
): ResourceStatus {
  const inspected = [json, ...others].map((each) => inspectResource(each));
  const material = staticTrust(
    new Map(Object.entries({ 'public-good': root(), ...roots })),
    new Map(Object.entries(keys)),
  ).material();
  const snapshot = compileSnapshot({
    number: 1,
    resources: inspected.map(({ resource }) => resource),
    material,
  });
  return statusOf(inspected[0] as unknown as StoredResource, new SnapshotView(snapshot), now);
}

const knownKey = (over = {}): World => ({
  keys: { [URI]: keysKnown([KEY, OTHER_KEY], { resolvedAt: READ_AT, ...over }) },
});

describe('a signer whose key is kept elsewhere', () => {
  test('the key is known', () => {
    expect(statusIn(knownKey(), KEPT)).toEqual({
      generation: 0,
      ready: true,
      reason: 'Valid',
      message: 'In force.',
      fields: {
        type: 'KeyReference',
        keyFingerprint: KEY.fingerprint,
        lastResolvedTime: '2026-11-22T12:00:00Z',
      },
    });
  });

  test('the key could not be read again', () => {
    expect(statusIn(knownKey({ error: 'Vault is sealed' }), KEPT)).toMatchObject({
      ready: true,
      reason: 'NotRefreshed',
      message: 'In force as it was read last; it could not be read again: Vault is sealed.',
      fields: { keyFingerprint: KEY.fingerprint },
    });
  });

  test('the key cannot be had', () => {
    expect(statusIn({ keys: { [URI]: NOT_READ } }, KEPT)).toEqual({
      generation: 0,
      ready: false,
      reason: 'Unavailable',
      message: 'Cannot be had now: it was not read yet.',
      fields: { type: 'KeyReference' },
    });
  });

  test('a broken signer is Invalid, whatever else', () => {
    expect(statusIn({}, { ...KEPT, spec: { keyRef: { uri: 'hashivault://../sys/raw' } } })).toMatchObject({
      ready: false,
      reason: 'Invalid',
      message: expect.stringContaining('spec.keyRef.uri'),
      fields: {},
    });
  });

  test('a key in the resource needs nobody', () => {
    expect(statusIn({}, signer('ci'))).toMatchObject({
      reason: 'Valid',
      fields: { type: 'PublicKey', keyFingerprint: expect.stringMatching(/^sha256:/) },
    });
  });
});

describe('a policy', () => {
  const reasonOf = (world: World, trustedKeys: object[], ...others: object[]): readonly [string, string] => {
    const { reason, message } = statusIn(world, policy('p', { trustedKeys }), ...others);
    return [reason, message];
  };

  test('with a key that is known, one that cannot be had, and nothing else', () => {
    expect(reasonOf(knownKey(), [ENTRY])).toEqual(['Valid', 'In force.']);
    expect(reasonOf({}, [ENTRY, INLINE])).toEqual([
      'PartlyUsable',
      `In force, but not all of it can be used: trustedKeys[0]: ${URI} was not read yet.`,
    ]);
    expect(reasonOf({}, [ENTRY])).toEqual([
      'NothingUsable',
      `No entry of trustedKeys can be used: trustedKeys[0]: ${URI} was not read yet.`,
    ]);
    expect(reasonOf({}, [{ signerRef: { name: 'ci' } }, INLINE], KEPT)[1]).toContain(
      `TrustedSigner "ci": ${URI} was not read yet`,
    );
  });

  test('with a root that cannot be had', () => {
    const world = { roots: { 'public-good': NOT_READ } };
    expect(reasonOf(world, [INLINE])).toEqual([
      'NothingUsable',
      expect.stringContaining('TrustRoot "public-good" cannot be had: it was not read yet'),
    ]);
  });
});

describe('a trust root', () => {
  const fingerprint = root().fingerprint;

  test('in the resource', () => {
    expect(statusIn({}, trustRoot('corp'))).toMatchObject({
      reason: 'Valid',
      fields: { fingerprint: expect.stringMatching(/^[0-9a-f:a-z]+/) },
    });
    expect(Object.keys(statusIn({}, trustRoot('corp')).fields)).toEqual(['fingerprint']);
  });

  test('over TUF: read, read but not again, and not read', () => {
    const known = (over = {}): World => ({ roots: { mirrored: rootKnown(root(), over) } });
    expect(statusIn(known(), PUBLIC_GOOD)).toMatchObject({ reason: 'Valid', fields: { fingerprint } });
    expect(statusIn(known({ refreshedAt: READ_AT, usableUntil: UNTIL }), PUBLIC_GOOD).fields).toEqual({
      fingerprint,
      lastRefreshedTime: '2026-11-22T12:00:00Z',
      usableUntil: '2026-12-01T00:00:00Z',
    });
    expect(statusIn(known({ error: 'the mirror did not answer' }), PUBLIC_GOOD)).toMatchObject({
      ready: true,
      reason: 'NotRefreshed',
      message: expect.stringContaining('the mirror did not answer'),
    });
    expect(statusIn({}, PUBLIC_GOOD)).toEqual({
      generation: 0,
      ready: false,
      reason: 'Unavailable',
      message: 'Cannot be had now: TrustRoot "mirrored" was not read yet.',
      fields: {},
    });
  });
});

describe('whether the stored status says it already', () => {
  const MINUTE = 60_000;
  const wanted = statusIn(knownKey(), KEPT);
  const stored = statusDocument(undefined, wanted, READ_AT);
  const later = (milliseconds: number): ResourceStatus =>
    statusIn(knownKey({ resolvedAt: READ_AT + milliseconds }), KEPT);

  test('times within 15 minutes of one another are the same: three replicas come to rest', () => {
    expect(isUpToDate(stored, wanted)).toBe(true);
    expect(isUpToDate(stored, later(15 * MINUTE))).toBe(true);
    expect(isUpToDate(stored, later(-15 * MINUTE))).toBe(true);
    expect(isUpToDate(stored, later(15 * MINUTE + 1000))).toBe(false);
    expect(isUpToDate(stored, later(-15 * MINUTE - 1000))).toBe(false);
    const refreshed = (refreshedAt: number): ResourceStatus =>
      statusIn({ roots: { mirrored: rootKnown(root(), { refreshedAt }) } }, PUBLIC_GOOD);
    const root1 = statusDocument(undefined, refreshed(READ_AT), READ_AT);
    expect(isUpToDate(root1, refreshed(READ_AT + 15 * MINUTE))).toBe(true);
    expect(isUpToDate(root1, refreshed(READ_AT + 16 * MINUTE))).toBe(false);
  });

  test('a time that is none, or is missing, is written', () => {
    for (const time of [undefined, null, 'yesterday', 7]) {
      expect(isUpToDate({ ...stored, lastResolvedTime: time }, wanted)).toBe(false);
    }
  });

  test('any other field is compared as it is', () => {
    const another = statusIn({ keys: { [URI]: keysKnown([OTHER_KEY], { resolvedAt: READ_AT }) } }, KEPT);
    expect(isUpToDate(stored, another)).toBe(false);
    const until = (usableUntil: number): ResourceStatus =>
      statusIn({ roots: { mirrored: rootKnown(root(), { usableUntil }) } }, PUBLIC_GOOD);
    expect(isUpToDate(statusDocument(undefined, until(UNTIL), READ_AT), until(UNTIL + 1000))).toBe(false);
    expect(isUpToDate(stored, statusIn(knownKey({ error: 'x' }), KEPT))).toBe(false);
    expect(isUpToDate(stored, { ...wanted, generation: 1 })).toBe(false);
  });
});

describe('what a merge patch takes away', () => {
  const keyed = statusDocument(undefined, statusIn(knownKey(), KEPT), READ_AT);
  const keyless: ResourceStatus = {
    generation: 1,
    ready: true,
    reason: 'Valid',
    message: 'In force.',
    fields: { type: 'Keyless' },
  };

  test('what another spec had', () => {
    expect(statusDocument(keyed, keyless, READ_AT)).toMatchObject({
      observedGeneration: 1,
      type: 'Keyless',
      keyFingerprint: null,
      lastResolvedTime: null,
    });
    expect(statusDocument({ ...keyed, lastUsedTime: 'x' }, keyless, READ_AT)).not.toHaveProperty(
      'lastUsedTime',
    );
    expect(statusDocument(undefined, keyless, READ_AT)).not.toHaveProperty('keyFingerprint');
  });

  test('nothing that was read of the same spec, while it cannot be read', () => {
    const document = statusDocument(keyed, statusIn({ keys: { [URI]: NOT_READ } }, KEPT), READ_AT);
    expect(document).not.toHaveProperty('keyFingerprint');
    expect(document).not.toHaveProperty('lastResolvedTime');
    expect(document).toMatchObject({ type: 'KeyReference' });
  });
});

describe('a policy that asks for provenance and attestations', () => {
  const asking = (spec: object) => ({
    ...policy('builds'),
    spec: { mode: 'Enforce', match: { images: ['ghcr.io/**'] }, requireSignature: false, ...spec },
  });
  const builders = [{ id: 'https://tekton.example.com/chains', signerRef: { name: 'chains' } }];
  const attestations = [
    { predicateType: 'https://spdx.dev/Document', signers: [{ signerRef: { name: 'scanner' } }] },
  ];
  const bySigner = asking({ slsa: { requiredLevel: 2, builders } });
  const byPlatform = asking({ slsa: { requiredLevel: 2 } });
  const nobody = 'Nobody can sign the provenance that slsa asks for: ';

  test('its signers are there', () => {
    for (const each of [bySigner, byPlatform, asking({ attestations })]) {
      const status = statusIn({}, each, signer('chains'), signer('scanner'));
      expect(status).toMatchObject({ ready: true, reason: 'Valid', message: 'In force.' });
    }
  });

  test.each<[string, object, object[], string]>([
    [
      'the signer of its builder is missing',
      bySigner,
      [],
      `${nobody}TrustedSigner "chains": it does not exist.`,
    ],
    [
      'the signer of an attestation is missing',
      asking({ attestations }),
      [],
      'No entry of attestations[0].signers can be used: TrustedSigner "scanner": it does not exist.',
    ],
    [
      'one demand has signers, and another has none',
      asking({ slsa: { requiredLevel: 2, builders }, attestations }),
      [signer('chains')],
      'No entry of attestations[0].signers can be used: TrustedSigner "scanner": it does not exist.',
    ],
    [
      'its trust root is missing',
      asking({ slsa: { requiredLevel: 2, trustRootRef: { name: 'private' } } }),
      [],
      `${nobody}TrustRoot "private" does not exist or is not valid.`,
    ],
  ])('%s: nothing can fulfil it', (_, json, others, message) => {
    expect(statusIn({}, json, ...others)).toMatchObject({ ready: false, reason: 'NothingUsable', message });
  });

  test('one of two builders has no signer: the other one still counts', () => {
    const two = [...builders, { id: 'https://ci.example.com', signerRef: { name: 'ci' } }];
    const status = statusIn({}, asking({ slsa: { requiredLevel: 2, builders: two } }), signer('ci'));
    expect(status).toMatchObject({ ready: true, reason: 'PartlyUsable' });
    expect(status.message).toContain('TrustedSigner "chains"');
  });

  test('a trust root that none of its builders needs does not matter', () => {
    const slsa = { requiredLevel: 2, builders, trustRootRef: { name: 'private' } };
    expect(statusIn({}, asking({ slsa }), signer('chains'))).toMatchObject({ reason: 'Valid' });
    const both = [...builders, { id: 'https://ci.example.com' }];
    const status = statusIn({}, asking({ slsa: { ...slsa, builders: both } }), signer('chains'));
    expect(status).toMatchObject({ ready: true, reason: 'PartlyUsable' });
    expect(status.message).toContain('TrustRoot "private" does not exist');
  });
});
