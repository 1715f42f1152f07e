import { sign } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { LIMITS } from '../../src/limits.ts';
import { verifyEvidence } from '../../src/sigstore/verify.ts';
import { sha256, spki } from '../support/fixtures-certificates.ts';
import { pem, type EntryKind } from '../support/fixtures-logs.ts';
import { after, GOLD_TIME, logBundle, type BundleJson, type SignOptions } from '../support/fixtures.ts';
import {
  asEvidence,
  codeOf,
  D,
  E,
  first,
  flipped,
  FS,
  FS2,
  keyContext,
  mustVerify,
  mutated,
  newKey,
  respelled,
  ROOT,
  rootContext,
} from './support.ts';

const LOG_BUNDLE = 'dev.sigstore.cosign/bundle';
const entryOf = (bundle: BundleJson) => first(bundle.verificationMaterial.tlogEntries);
const KINDS: readonly { log: 'v1' | 'v2'; entryKind: EntryKind }[] = [
  { log: 'v1', entryKind: 'hashedrekord' },
  { log: 'v1', entryKind: 'dsse' },
  { log: 'v1', entryKind: 'intoto' },
  { log: 'v2', entryKind: 'hashedrekord' },
  { log: 'v2', entryKind: 'dsse' },
];

describe('log entries of another signature', () => {
  test.each(KINDS)('A1: an entry of another image on a bundle is a mismatch ($log $entryKind)', (options) => {
    const good = FS.signStatement({ digests: [D], timestamp: true, ...options });
    const other = FS.signStatement({ digests: [E], timestamp: true, ...options });
    expect(codeOf(good)).toBe('verified');
    const stapled = mutated(good, (bundle) => {
      bundle.verificationMaterial.tlogEntries = other.verificationMaterial.tlogEntries;
    });
    expect(codeOf(stapled)).toBe('TLOG_MISMATCH');
  });

  test('A1: an entry of another signature over the same payload, by the same certificate', () => {
    const leaf = FS.issue();
    const [one, two] = [1, 2].map(() => FS.signStatement({ digests: [D], leaf }));
    const good = first(one === undefined ? [] : [one]);
    const swapped = mutated(good, (bundle) => {
      bundle.verificationMaterial.tlogEntries = two?.verificationMaterial.tlogEntries ?? [];
    });
    expect(codeOf(good)).toBe('verified');
    expect(codeOf(swapped)).toBe('TLOG_MISMATCH');
  });

  test('A1: an entry of another image in the annotation of a legacy signature', () => {
    const good = FS.signSimple({ digest: D });
    const other = FS.signSimple({ digest: E });
    const stapled = {
      ...good,
      annotations: { ...good.annotations, [LOG_BUNDLE]: other.annotations[LOG_BUNDLE] ?? '' },
    };
    expect(codeOf(good)).toBe('verified');
    expect(codeOf(stapled)).toBe('TLOG_MISMATCH');
  });

  test('A1: with a pinned key the entry of another signature is reported, not believed', () => {
    const key = newKey();
    const good = FS.signStatement({ digests: [D], key });
    const other = FS.signStatement({ digests: [E], key });
    const stapled = mutated(good, (bundle) => {
      bundle.verificationMaterial.tlogEntries = other.verificationMaterial.tlogEntries;
    });
    expect(mustVerify(good, keyContext(key)).log.state).toBe('valid');
    expect(mustVerify(stapled, keyContext(key)).log).toMatchObject({
      state: 'invalid',
      code: 'TLOG_MISMATCH',
    });
  });

  test.each(KINDS)(
    'A2: an entry that names another certificate is a mismatch ($log $entryKind)',
    ({ log, entryKind }) => {
      const leaf = FS.issue();
      const options = { digests: [D], leaf, log, entryKind, timestamp: true } as const;
      const good = FS.signStatement(options);
      expect(codeOf(good)).toBe('verified');
      for (const der of [FS.issue({ keys: leaf.keys }).der, FS.issue().der]) {
        expect(codeOf(relogged(good, options, { kind: 'certificate', der }))).toBe('TLOG_MISMATCH');
      }
      // The bare key of the same certificate is another verifier too.
      const bare = { kind: 'key', der: spki(leaf.keys.publicKey) } as const;
      expect(codeOf(relogged(good, options, bare))).toBe('TLOG_MISMATCH');
    },
  );

  test('A2: with a pinned key an entry that names another key is a mismatch', () => {
    const key = newKey();
    for (const { log, entryKind } of KINDS) {
      const options = { digests: [D], key, log, entryKind } as const;
      const good = FS.signStatement(options);
      const bad = relogged(good, options, { kind: 'key', der: spki(newKey().publicKey) });
      expect(mustVerify(good, keyContext(key)).log.state).toBe('valid');
      expect(mustVerify(bad, keyContext(key)).log).toMatchObject({ state: 'invalid', code: 'TLOG_MISMATCH' });
    }
  });

  test('A2: the pinned key in another spelling is the same key', () => {
    const key = newKey();
    for (const { log, entryKind } of KINDS) {
      const options = { digests: [D], key, log, entryKind } as const;
      const good = FS.signStatement(options);
      const same = relogged(good, options, { kind: 'key', der: respelled(key.publicKey, 'compressed') });
      const bad = relogged(good, options, { kind: 'key', der: respelled(newKey().publicKey, 'compressed') });
      expect(mustVerify(same, keyContext(key)).log.state).toBe('valid');
      expect(mustVerify(bad, keyContext(key)).log).toMatchObject({ state: 'invalid', code: 'TLOG_MISMATCH' });
    }
  });

  test('F16: a body of too many tokens is refused before the library parses it', () => {
    const key = newKey();
    const good = FS.signStatement({ digests: [D], key, log: 'v1' });
    const bad = mutated(good, (bundle) => {
      const junk = JSON.stringify(Array.from({ length: LIMITS.bundleTokens + 1 }, () => 0));
      entryOf(bundle).canonicalizedBody = Buffer.from(junk).toString('base64');
    });
    expect(mustVerify(good, keyContext(key)).log.state).toBe('valid');
    expect(mustVerify(bad, keyContext(key)).log).toMatchObject({ state: 'invalid', code: 'LIMIT' });
  });

  test('A2: two certificates where the log keeps one are a mismatch', () => {
    const leaf = FS.issue();
    const good = FS.signStatement({ digests: [D], leaf, log: 'v1' });
    const both = pem('CERTIFICATE', leaf.der) + pem('CERTIFICATE', FS.issue().der);
    const body = JSON.parse(Buffer.from(entryOf(good).canonicalizedBody, 'base64').toString());
    body.spec.signature.publicKey.content = Buffer.from(both).toString('base64');
    const bad = mutated(good, (bundle) => {
      const entry = entryOf(bundle);
      entry.canonicalizedBody = Buffer.from(JSON.stringify(body)).toString('base64');
      delete entry.inclusionProof;
      bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.1';
      entry.inclusionPromise = { signedEntryTimestamp: FS.logV1.promise(entry) };
    });
    expect(codeOf(good)).toBe('verified');
    expect(['TLOG_MISMATCH', 'TLOG_INVALID']).toContain(codeOf(bad));
  });
});

describe('log entries that do not verify', () => {
  test('A3: a time that no log signed is no time', () => {
    const good = FS.signStatement({ digests: [D], log: 'v1' });
    const unsigned = mutated(good, (bundle) => {
      delete entryOf(bundle).inclusionPromise;
    });
    expect(codeOf(good)).toBe('verified');
    expect(codeOf(unsigned)).toBe('TIME_UNTRUSTED');
    const stamped = mutated(FS.signStatement({ digests: [D], log: 'v1', timestamp: true }), (bundle) => {
      delete entryOf(bundle).inclusionPromise;
    });
    expect(mustVerify(stamped).log).toMatchObject({ state: 'valid', proofs: [{ integratedAt: undefined }] });
  });

  test('A3: an index that no log signed is not told either', () => {
    const good = FS.signStatement({ digests: [D] });
    const renumbered = mutated(good, (bundle) => (entryOf(bundle).logIndex = '999999'));
    const { log } = mustVerify(good);
    expect(mustVerify(renumbered).log).toEqual(log);
    expect(log).toMatchObject({ proofs: [{ logIndex: entryOf(good).inclusionProof?.logIndex }] });
  });

  test('A4: a forged or altered promise', () => {
    const good = FS.signStatement({ digests: [D], log: 'v1' });
    const body = Buffer.from(entryOf(good).canonicalizedBody, 'base64').toString();
    const changes: Record<string, (entry: ReturnType<typeof entryOf>) => void> = {
      'a flipped byte': (entry) => {
        entry.inclusionPromise = {
          signedEntryTimestamp: flipped(entry.inclusionPromise?.signedEntryTimestamp ?? ''),
        };
      },
      'the key of another log': (entry) => {
        entry.inclusionPromise = { signedEntryTimestamp: FS2.logV1.promise(entry) };
      },
      'another time': (entry) => {
        entry.integratedTime = String(Number(entry.integratedTime) + 1);
      },
      'another index': (entry) => {
        entry.logIndex = String(Number(entry.logIndex) + 1);
      },
      'another body': (entry) => {
        entry.canonicalizedBody = Buffer.from(` ${body}`).toString('base64');
      },
      'an empty promise': (entry) => {
        entry.inclusionPromise = { signedEntryTimestamp: '' };
      },
    };
    expect(codeOf(good)).toBe('verified');
    for (const [name, change] of Object.entries(changes)) {
      const bad = mutated(good, (bundle) => change(entryOf(bundle)));
      expect({ name, code: codeOf(bad) }).toEqual({ name, code: 'TLOG_INVALID' });
    }
  });

  test('A4: a legacy bundle annotation that was altered, or is none', () => {
    const good = FS.signSimple({ digest: D });
    const annotation = good.annotations[LOG_BUNDLE] ?? '';
    const withBundle = (text: string) => ({
      ...good,
      annotations: { ...good.annotations, [LOG_BUNDLE]: text },
    });
    expect(codeOf(withBundle(annotation))).toBe('verified');
    for (const bad of [
      annotation.replace(/"integratedTime":(\d+)/, (_all, time) => `"integratedTime":${Number(time) + 60}`),
      annotation.replace(/"logID":"../, '"logID":"00'),
      annotation.replace('"Payload"', '"payload"'),
      annotation.slice(0, -1),
      '',
      'null',
      '{}',
      `${annotation.slice(0, -1)},"Payload":{}}`,
    ]) {
      expect(codeOf(withBundle(bad))).toBe('TLOG_INVALID');
    }
  });

  test('A5: no log proof at all', () => {
    const good = FS.signStatement({ digests: [D], log: 'v1' });
    const without = (change: (material: Record<string, unknown>) => void) =>
      mutated(good, (bundle) => change(bundle.verificationMaterial as unknown as Record<string, unknown>));
    expect(codeOf(good)).toBe('verified');
    for (const bad of [
      without((material) => (material['tlogEntries'] = [])),
      without((material) => (material['tlogEntries'] = null)),
      without((material) => delete material['tlogEntries']),
      mutated(good, (bundle) => {
        delete entryOf(bundle).inclusionPromise;
        delete entryOf(bundle).inclusionProof;
      }),
      mutated(good, (bundle) => delete entryOf(bundle).inclusionProof),
      mutated(good, (bundle) => {
        bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.1';
        delete entryOf(bundle).inclusionPromise;
      }),
    ]) {
      expect(codeOf(bad)).toBe('TLOG_MISSING');
    }
    const promiseOnly = mutated(good, (bundle) => {
      bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.1';
      delete entryOf(bundle).inclusionProof;
    });
    expect(codeOf(promiseOnly)).toBe('verified');
  });

  test('A5: a log that is merely absent beside a trusted time is reported as absent', () => {
    expect(mustVerify(FS.signStatement({ digests: [D], log: 'none' })).log).toEqual({ state: 'absent' });
    const legacy = FS.signSimple({ digest: D, log: 'none', timestamp: true });
    expect(mustVerify(legacy).log).toEqual({ state: 'absent' });
    expect(codeOf(FS.signSimple({ digest: D, log: 'none', timestamp: false }))).toBe('TLOG_MISSING');
  });

  test('A8: a bad inclusion proof', () => {
    for (const log of ['v1', 'v2'] as const) {
      const good = FS.signStatement({ digests: [D], log, timestamp: true });
      const older = entryOf(FS.signStatement({ digests: [E], log, timestamp: true })).inclusionProof;
      const proofOf = (bundle: BundleJson) => {
        const { inclusionProof } = entryOf(bundle);
        if (inclusionProof === undefined) throw new Error('the fixture has no proof');
        return inclusionProof;
      };
      const changes: Record<string, (bundle: BundleJson) => void> = {
        'a flipped hash': (b) => (proofOf(b).hashes[0] = flipped(first(proofOf(b).hashes))),
        'a hash less': (b) => proofOf(b).hashes.pop(),
        'a hash more': (b) => proofOf(b).hashes.push(first(proofOf(b).hashes)),
        'an index beyond the tree': (b) => (proofOf(b).logIndex = proofOf(b).treeSize),
        'a negative index': (b) => (proofOf(b).logIndex = '-1'),
        'no index': (b) => (proofOf(b).logIndex = 'abc'),
        'an index of 2^70': (b) => (proofOf(b).logIndex = '1180591620717411303'),
        'the index in hexadecimal': (b) =>
          (proofOf(b).logIndex = `0x${Number(proofOf(b).logIndex).toString(16)}`),
        'the index with a zero before': (b) => (proofOf(b).logIndex = `0${proofOf(b).logIndex}`),
        'no index but white space': (b) => (entryOf(b).logIndex = ' '),
        'no time': (b) => (entryOf(b).integratedTime = 'soon'),
        'the proof of another tree': (b) =>
          (entryOf(b).inclusionProof = structuredClone(older ?? proofOf(b))),
        'a flipped checkpoint': (b) => {
          proofOf(b).checkpoint.envelope = proofOf(b).checkpoint.envelope.replace(/\n(\d+)\n/, '\n1$1\n');
        },
        'an empty checkpoint': (b) => (proofOf(b).checkpoint.envelope = ''),
      };
      expect(codeOf(good)).toBe('verified');
      for (const [name, change] of Object.entries(changes)) {
        expect({ name, code: codeOf(mutated(good, change)) }).toEqual({ name, code: 'TLOG_INVALID' });
      }
      // Longer than any int64: refused where the shape is read.
      expect(codeOf(mutated(good, (b) => (proofOf(b).logIndex = String(2n ** 70n))))).not.toBe('verified');
    }
  });

  test('A8: a checkpoint of another log with the name of ours', () => {
    const good = FS.signStatement({ digests: [D] });
    const foreign = FS2.signStatement({ digests: [D] });
    const bad = mutated(good, (bundle) => {
      const envelope = entryOf(foreign).inclusionProof?.checkpoint.envelope ?? '';
      const entry = entryOf(bundle);
      if (entry.inclusionProof) entry.inclusionProof.checkpoint.envelope = envelope.replaceAll('fs2', 'fs');
    });
    expect(codeOf(good)).toBe('verified');
    expect(codeOf(bad)).toBe('TLOG_INVALID');
  });

  test.each(['v1', 'v2'] as const)(
    'A8: a checkpoint is the log’s own, by origin, name and key (%s)',
    (log) => {
      const tested = log === 'v1' ? FS.logV1 : FS.logV2;
      const host = tested.baseUrl.slice('https://'.length);
      const good = FS.signStatement({ digests: [D], log, timestamp: true });
      /** With a checkpoint that the log's key signed over another origin, in another name, with another hint. */
      const signed = ({ origin = host, name = host, hint = tested.logId, more = '', before = '' }) =>
        mutated(good, (bundle) => {
          const { inclusionProof: proof } = entryOf(bundle);
          if (proof === undefined) return;
          const note = `${origin}\n${proof.treeSize}\n${proof.rootHash}\n${more}`;
          const algorithm = log === 'v1' ? 'sha256' : null;
          const signature = sign(algorithm, Buffer.from(note), tested.keys.privateKey);
          const line = Buffer.concat([hint.subarray(0, 4), signature]).toString('base64');
          proof.checkpoint.envelope = `${note}\n${before}\u2014 ${name} ${line}\n`;
        });
      const witness = `\u2014 witness.example ${Buffer.alloc(68, 7).toString('base64')}\n`;
      for (const like of [
        {},
        // Rekor v1 names its tree, and both may say more.
        { origin: `${host} - 1193050959916656506` },
        { more: 'Timestamp: 1678900000\n' },
        { before: witness },
      ]) {
        expect(codeOf(signed(like))).toBe('verified');
      }
      for (const unlike of [
        { name: 'rekor' },
        { name: 'example' },
        { name: `${host}.evil.example` },
        { name: `x${host}` },
        { name: host.toUpperCase() },
        { name: 'witness.example', before: witness },
        { origin: 'rekor' },
        { origin: 'other.example' },
        { origin: 'other.example - 1193050959916656506' },
        { origin: `${host}.evil.example` },
        { origin: `${host} - ` },
        { origin: `${host} - tree` },
        { origin: `${host} 1193050959916656506` },
        { origin: 'other.example', name: 'other.example' },
        { origin: `evil\n${host}` },
        { hint: Buffer.from('00000000', 'hex') },
        { more: '\n' },
        { before: 'junk\n' },
        { before: '\n' },
        { before: `\u2014 witness.example ${Buffer.alloc(68, 7).toString('base64url')}*\n` },
      ]) {
        expect({ unlike, code: codeOf(signed(unlike)) }).toEqual({ unlike, code: 'TLOG_INVALID' });
      }
    },
  );

  test('A8: a log whose URL has a path or a port', () => {
    const { logV2 } = FS;
    const named = (baseUrl: string) => rootContext((root) => (first(root.tlogs.slice(1)).baseUrl = baseUrl));
    const bundle = FS.signStatement({ digests: [D] });
    for (const url of [
      logV2.baseUrl,
      `${logV2.baseUrl}/`,
      `${logV2.baseUrl}:8443/log`,
      logV2.baseUrl.slice(8),
    ]) {
      expect(codeOf(bundle, named(url))).toBe('verified');
    }
    for (const url of ['https://other.example', `https://other.example/${logV2.baseUrl.slice(8)}`, '', '/']) {
      expect(codeOf(bundle, named(url))).toBe('TLOG_INVALID');
    }
  });

  test('A8: root hash and size of the proof are those of the checkpoint', () => {
    for (const log of ['v1', 'v2'] as const) {
      const good = FS.signStatement({ digests: [D], log, timestamp: true });
      const changed = (change: (proof: NonNullable<ReturnType<typeof entryOf>['inclusionProof']>) => void) =>
        mutated(good, (bundle) => {
          const { inclusionProof } = entryOf(bundle);
          if (inclusionProof !== undefined) change(inclusionProof);
        });
      expect(codeOf(changed(() => {}))).toBe('verified');
      for (const bad of [
        changed((proof) => (proof.rootHash = flipped(proof.rootHash))),
        changed((proof) => (proof.rootHash = '')),
        changed((proof) => (proof.treeSize = String(Number(proof.treeSize) + 1))),
        changed((proof) => (proof.treeSize = '0')),
      ]) {
        expect(codeOf(bad)).toBe('TLOG_INVALID');
      }
    }
  });

  test('a proof without a checkpoint is refused in our words', () => {
    const good = FS.signStatement({ digests: [D], log: 'v1' });
    const bad = mutated(good, (bundle) => {
      bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.1';
      const proof = entryOf(bundle).inclusionProof as { checkpoint?: unknown } | undefined;
      delete proof?.checkpoint;
    });
    expect(codeOf(mutated(good, (b) => (b.mediaType = bad.mediaType)))).toBe('verified');
    expect(verifyEvidence(asEvidence(bad), ROOT)).toMatchObject({
      code: 'TLOG_MISSING',
      detail: 'the inclusion proof of the log entry has no checkpoint',
    });
  });

  test('entries of kinds that are not supported say so', () => {
    const good = FS.signStatement({ digests: [D], log: 'v1', entryKind: 'intoto' });
    const other = mutated(good, (bundle) => {
      const entry = entryOf(bundle);
      bundle.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.1';
      entry.kindVersion = { kind: 'rekord', version: '0.0.1' };
      entry.canonicalizedBody = Buffer.from('{"kind":"rekord","apiVersion":"0.0.1"}').toString('base64');
      delete entry.inclusionProof;
      entry.inclusionPromise = { signedEntryTimestamp: FS.logV1.promise(entry) };
    });
    expect(codeOf(good)).toBe('verified');
    expect(codeOf(other)).toBe('UNSUPPORTED');
  });
});

test('F8: a checkpoint with more signatures than anybody gives', () => {
  const good = FS.signStatement({ digests: [D] });
  const cosigned = (lines: number) =>
    mutated(good, (bundle) => {
      const { inclusionProof } = entryOf(bundle);
      if (inclusionProof === undefined) return;
      const [line = ''] = inclusionProof.checkpoint.envelope.match(/\u2014 .*\n/) ?? [];
      const foreign = line.replace(/ \S+\n/, ` ${Buffer.alloc(68, 7).toString('base64')}\n`);
      inclusionProof.checkpoint.envelope += foreign.repeat(lines);
    });
  expect(codeOf(cosigned(31))).toBe('verified');
  expect(codeOf(cosigned(32))).toBe('LIMIT');
});

describe('retired and repeated logs', () => {
  const retiredAt = (end: Date) =>
    rootContext((root) => {
      for (const log of root.tlogs) log.publicKey.validFor.end = end.toISOString();
    });

  test('A10: an entry made after its log was retired', () => {
    for (const log of ['v1', 'v2'] as const) {
      const bundle = FS.signStatement({ digests: [D], log, timestamp: true });
      // Inclusive: the last second is in.
      expect(codeOf(bundle, retiredAt(GOLD_TIME))).toBe('verified');
      expect(codeOf(bundle, retiredAt(after(GOLD_TIME, -1000)))).toBe('TLOG_INVALID');
      const proofOnly = mutated(bundle, (copy) => delete entryOf(copy).inclusionPromise);
      expect(codeOf(proofOnly, retiredAt(GOLD_TIME))).toBe('verified');
      expect(codeOf(proofOnly, retiredAt(after(GOLD_TIME, -1000)))).toBe('TLOG_INVALID');
    }
  });

  test('A10: an entry made before its log was trusted', () => {
    const bundle = FS.signStatement({ digests: [D] });
    const startsAt = (start: Date) =>
      rootContext((root) => {
        for (const log of root.tlogs) log.publicKey.validFor.start = start.toISOString();
      });
    expect(codeOf(bundle, startsAt(GOLD_TIME))).toBe('verified');
    expect(codeOf(bundle, startsAt(after(GOLD_TIME, 1000)))).toBe('TLOG_INVALID');
  });

  test('A10: with a key and no time at all, an entry of a retired log does not count', () => {
    const key = newKey();
    const bundle = FS.signStatement({ digests: [D], key, timestamp: false });
    expect(mustVerify(bundle, keyContext(key)).log.state).toBe('valid');
    const { root } = retiredAt(after(GOLD_TIME, 1000));
    expect(mustVerify(bundle, keyContext(key, root)).log).toMatchObject({
      state: 'invalid',
      code: 'TLOG_INVALID',
    });
  });

  test('A12: one log in two entries is one log', () => {
    const leaf = FS.issue();
    const good = FS.signStatement({ digests: [D], leaf });
    const twice = mutated(good, (bundle) => bundle.verificationMaterial.tlogEntries.push(entryOf(bundle)));
    const { log } = mustVerify(twice);
    expect(log.state === 'valid' && new Set(log.proofs.map(({ logId }) => logId)).size).toBe(1);
    const stamps = mutated(good, (bundle) => {
      const list = bundle.verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? [];
      list.push(first(list));
    });
    const { timestamps } = mustVerify(stamps);
    expect(
      timestamps.state === 'valid' && new Set(timestamps.proofs.map((proof) => proof.authority)).size,
    ).toBe(1);
  });

  test('A12: one bad entry beside a good one spoils both', () => {
    const good = FS.signStatement({ digests: [D] });
    const other = FS.signStatement({ digests: [E] });
    const both = mutated(good, (bundle) => bundle.verificationMaterial.tlogEntries.push(entryOf(other)));
    expect(codeOf(good)).toBe('verified');
    expect(codeOf(both)).toBe('TLOG_MISMATCH');
  });

  test('entries without a root to verify them with are invalid, not absent', () => {
    const key = newKey();
    const context = { ...keyContext(key), root: undefined };
    expect(mustVerify(FS.signStatement({ digests: [D], key }), context)).toMatchObject({
      log: { state: 'invalid', code: 'TLOG_INVALID' },
      timestamps: { state: 'invalid', code: 'TIME_UNTRUSTED' },
    });
    const bare = FS.signStatement({ digests: [D], key, log: 'none', timestamp: false });
    expect(mustVerify(bare, context)).toMatchObject({
      log: { state: 'absent' },
      timestamps: { state: 'absent' },
    });
  });

  test('an unreadable log annotation of a key signature is reported, not thrown', () => {
    const key = newKey();
    const good = FS.signSimple({ digest: D, key });
    expect(logBundle(first([entryOf(FS.signStatement({ digests: [D], log: 'v1' }))]))).toContain('Payload');
    const bad = { ...good, annotations: { ...good.annotations, [LOG_BUNDLE]: '{' } };
    expect(mustVerify(good, keyContext(key)).log.state).toBe('valid');
    expect(mustVerify(bad, keyContext(key)).log).toMatchObject({ state: 'invalid', code: 'TLOG_INVALID' });
  });
});

/** The same signature, logged again by the same log under another signer's name. */
function relogged(
  good: BundleJson,
  { log = 'v2', entryKind = 'hashedrekord' }: SignOptions,
  signer: { readonly kind: 'certificate' | 'key'; readonly der: Buffer },
): BundleJson {
  const { payload = '', payloadType = '', signatures = [] } = good.dsseEnvelope ?? {};
  const bytes = Buffer.from(payload, 'base64');
  const signed = Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${bytes.length} `),
    bytes,
  ]);
  const logged = {
    signature: Buffer.from(first(signatures).sig, 'base64'),
    signedDigest: sha256(signed),
    payloadDigest: sha256(bytes),
    signer,
  };
  const entry = (log === 'v1' ? FS.logV1 : FS.logV2).append(logged, entryKind, GOLD_TIME);
  return mutated(good, (bundle) => {
    bundle.verificationMaterial.tlogEntries = [entry];
  });
}
