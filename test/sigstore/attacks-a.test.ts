import { describe, expect, test } from '@jest/globals';
import type { Evidence } from '../../src/sigstore/evidence.ts';
import { isRefused, verifyEvidence, type TrustContext } from '../../src/sigstore/verify.ts';
import { newKeyPair, spki, type KeyPair } from '../support/fixtures-certificates.ts';
import { pem } from '../support/fixtures-logs.ts';
import {
  after,
  bundleEvidence,
  GOLD_TIME,
  publicKeyPem,
  type BundleJson,
  type Leaf,
  type SignOptions,
  type TestSigstore,
} from '../support/fixtures.ts';
import { D, E, flipped, FS, FS2, keyContext, newKey, ROOT, rootContext } from './support.ts';

/**
 * Each row here is carried out on every form that evidence is stored in, keyless and by a key, from the same good evidence.
 * What only one form can suffer stands beside the tests of that form.
 */
interface Form {
  readonly name: string;
  sign(options: SignOptions & { readonly digest?: string }, by?: TestSigstore): Evidence;
  /** The evidence with the named part of another, or without it. */
  withPart(evidence: Evidence, part: Part, donor?: Evidence): Evidence;
  withText(evidence: Evidence, part: Part, change: (text: string) => string): Evidence;
}
type Part = 'log' | 'timestamp' | 'certificate';

const ANNOTATIONS: Readonly<Record<Part, string>> = {
  log: 'dev.sigstore.cosign/bundle',
  timestamp: 'dev.sigstore.cosign/rfc3161timestamp',
  certificate: 'dev.sigstore.cosign/certificate',
};
const FIELDS = {
  log: 'tlogEntries',
  timestamp: 'timestampVerificationData',
  certificate: 'certificate',
} as const;

const bundleForm: Pick<Form, 'withPart' | 'withText'> = {
  withPart(evidence, part, donor) {
    const bundle = bundleOf(evidence);
    const field = FIELDS[part];
    const value = donor === undefined ? undefined : bundleOf(donor).verificationMaterial[field];
    const material = { ...bundle.verificationMaterial, [field]: value };
    return bundleEvidence({ ...bundle, verificationMaterial: material });
  },
  withText(evidence, part, change) {
    const bundle = bundleOf(evidence);
    const text = change(JSON.stringify(bundle.verificationMaterial[FIELDS[part]]));
    const material = { ...bundle.verificationMaterial, [FIELDS[part]]: JSON.parse(text) };
    return bundleEvidence({ ...bundle, verificationMaterial: material });
  },
};

const legacyForm: Pick<Form, 'withPart' | 'withText'> = {
  withPart(evidence, part, donor) {
    const { [ANNOTATIONS[part]]: _replaced, ...others } = annotationsOf(evidence);
    const value = donor === undefined ? undefined : annotationsOf(donor)[ANNOTATIONS[part]];
    return withAnnotations(
      evidence,
      value === undefined ? others : { ...others, [ANNOTATIONS[part]]: value },
    );
  },
  withText(evidence, part, change) {
    const annotations = annotationsOf(evidence);
    const text = change(annotations[ANNOTATIONS[part]] ?? '');
    return withAnnotations(evidence, { ...annotations, [ANNOTATIONS[part]]: text });
  },
};

const FORMS: readonly Form[] = [
  {
    name: 'bundle',
    sign: ({ digest = D, ...options }, by = FS) =>
      bundleEvidence(by.signStatement({ digests: [digest], log: 'v1', timestamp: true, ...options })),
    ...bundleForm,
  },
  {
    name: 'legacy signature',
    sign: ({ digest = D, log: _log, ...options }, by = FS) =>
      by.signSimple({ digest, timestamp: true, ...options }),
    ...legacyForm,
  },
  {
    name: 'legacy attestation',
    sign: ({ digest = D, log: _log, ...options }, by = FS) =>
      by.signEnvelope({ digests: [digest], timestamp: true, ...options }),
    ...legacyForm,
  },
];

const key = newKey();
interface Mode {
  readonly name: string;
  readonly signer: SignOptions;
  readonly context: TrustContext;
}
const MODES: readonly Mode[] = [
  { name: 'keyless', signer: {}, context: ROOT },
  { name: 'key', signer: { key }, context: keyContext(key) },
];
const CASES = FORMS.flatMap((form) =>
  MODES.map((mode) => ({ form, mode, title: `${form.name}, ${mode.name}` })),
);

/** The code of a refusal, or of the first kind of proofs that does not verify (a key's are for the policy to judge). */
function outcome(evidence: Evidence, context: TrustContext): string {
  const fact = verifyEvidence(evidence, context);
  if (isRefused(fact)) return fact.code;
  for (const proofs of [fact.log, fact.timestamps]) if (proofs.state === 'invalid') return proofs.code;
  return 'verified';
}

describe.each(CASES)('$title', ({ form, mode: { signer, context } }) => {
  const good = form.sign(signer);
  const judge = (evidence: Evidence, by = context) => outcome(evidence, by);

  test('A1 the log entry of another signature', () => {
    const other = form.sign({ ...signer, digest: E });
    expect(judge(good)).toBe('verified');
    expect(judge(other)).toBe('verified');
    expect(judge(form.withPart(good, 'log', other))).toBe('TLOG_MISMATCH');
  });

  test('A1 the log entry of another signature over the same text by the same signer', () => {
    const same = 'key' in signer ? signer : { leaf: FS.issue() };
    const [one, two] = [form.sign(same), form.sign(same)];
    expect(judge(one)).toBe('verified');
    expect(judge(form.withPart(one, 'log', two))).toBe('TLOG_MISMATCH');
  });

  test('A2 a log entry that names another certificate or key', () => {
    // Ed25519 signs alike each time, so that nothing but the name differs.
    const keys = newKeyPair('ed25519');
    const leaf = FS.issue({ keys });
    const deterministic = { hash: null, timestamp: false } as const;
    const signers = { certificate: { leaf }, other: { leaf: FS.issue({ keys }) }, key: { key: keys } };
    const mine = 'key' in signer ? 'key' : 'certificate';
    const trust = 'key' in signer ? keyContext(keys) : ROOT;
    const evidence = form.sign({ ...deterministic, ...signers[mine] });
    expect(judge(evidence, trust)).toBe('verified');
    for (const name of ['certificate', 'other', 'key'] as const) {
      const donor = form.sign({ ...deterministic, ...signers[name] });
      const expected = name === mine ? 'verified' : 'TLOG_MISMATCH';
      expect({ name, code: judge(form.withPart(evidence, 'log', donor), trust) }).toEqual({
        name,
        code: expected,
      });
    }
  });

  test('A4 a promise that the log did not make', () => {
    const [time, promise] = [/("integratedTime":"?)(\d+)/, /("[sS]ignedEntryTimestamp":")([^"]+)/];
    expect(judge(form.withText(good, 'log', (text) => text))).toBe('verified');
    for (const change of [
      (text: string) => text.replace(time, (_all, name, value) => `${name}${Number(value) + 1}`),
      (text: string) => text.replace(promise, (_all, name, value) => `${name}${flipped(value)}`),
      (text: string) => text.replace(promise, '$1'),
    ]) {
      expect(judge(form.withText(good, 'log', change))).toBe('TLOG_INVALID');
    }
    expect(judge(form.withPart(good, 'log', form.sign(signer, FS2)))).toBe('TLOG_INVALID');
  });

  test('A5 no log entry and no time', () => {
    expect(judge(form.withPart(good, 'log'))).toBe('verified');
    expect(judge(form.withPart(good, 'timestamp'))).toBe('verified');
    const bare = form.withPart(form.withPart(good, 'log'), 'timestamp');
    const fact = verifyEvidence(bare, context);
    if ('key' in signer)
      expect(fact).toMatchObject({ log: { state: 'absent' }, timestamps: { state: 'absent' } });
    else expect(fact).toMatchObject({ code: 'TLOG_MISSING' });
  });

  test('A6 what is there and does not verify is not passed over for what does', () => {
    const foreign = form.sign(signer, FS2);
    expect(judge(good)).toBe('verified');
    expect(judge(form.withPart(good, 'log', foreign))).toBe('TLOG_INVALID');
    expect(judge(form.withPart(good, 'timestamp', foreign))).toBe('TIME_UNTRUSTED');
    const cut = (text: string) => text.replace(/("[sS]igned\w*Timestamp":")[^"]{8}/, '$1');
    expect(judge(form.withText(good, 'timestamp', cut))).toBe('TIME_UNTRUSTED');
    expect(judge(form.withText(good, 'log', (text) => text.replace('"logI', '"xlogI')))).not.toBe('verified');
  });

  test('A7 a key in the place of the certificate', () => {
    const keys = newKey();
    const byKey = form.sign({ key: keys });
    expect(judge(byKey, keyContext(keys))).toBe('verified');
    for (const trust of [ROOT, keyContext(keys)]) {
      expect(judge(inCertificateSlot(byKey, keys), trust)).toBe('CERT_INVALID');
    }
  });

  test('A10 an entry made after its log was retired', () => {
    const retired = (end: Date) => {
      const { root } = rootContext(({ tlogs }) => {
        for (const log of tlogs) log.publicKey.validFor.end = end.toISOString();
      });
      return context.kind === 'key' ? { ...context, root } : { kind: 'root' as const, root };
    };
    expect(judge(good, retired(GOLD_TIME))).toBe('verified');
    expect(judge(good, retired(after(GOLD_TIME, -1000)))).toBe('TLOG_INVALID');
  });

  test('A17 A18 the timestamp of another signature, or of an authority that is not trusted', () => {
    const other = form.sign({ ...signer, digest: E });
    const foreign = form.sign(signer, FS2);
    expect(judge(form.withPart(good, 'timestamp', good))).toBe('verified');
    for (const donor of [other, foreign]) {
      expect(judge(form.withPart(good, 'timestamp', donor))).toBe('TIME_UNTRUSTED');
    }
    const { root } = rootContext((json) => (json.timestampAuthorities = []));
    expect(judge(good, context.kind === 'key' ? { ...context, root } : { kind: 'root', root })).toBe(
      'TIME_UNTRUSTED',
    );
  });

  test('A24 the signature of another image names that image', () => {
    for (const digest of [D, E]) {
      expect(verifyEvidence(form.sign({ ...signer, digest }), context)).toMatchObject({ digests: [digest] });
    }
  });

  test('A33 each mode of signing counts in its own context only', () => {
    const others = 'key' in signer ? [ROOT, keyContext(newKey())] : [keyContext(key), keyContext(newKey())];
    expect(judge(good)).toBe('verified');
    for (const other of others) expect(judge(good, other)).toBe('SIG_INVALID');
  });
});

describe.each(FORMS.map((form) => ({ form, title: `${form.name}, keyless` })))('$title', ({ form }) => {
  const judge = (evidence: Evidence) => outcome(evidence, ROOT);
  const signed = (leaf: Leaf, at = GOLD_TIME) => form.sign({ leaf, at });

  test('A13 a certificate without any trusted time', () => {
    const good = form.sign({});
    const bare = form.withPart(form.withPart(good, 'timestamp'), 'log');
    const lenient = rootContext(() => {}, { logEntries: 0, timestamps: 0, scts: 0 });
    expect(outcome(good, lenient)).toBe('verified');
    expect(outcome(bare, lenient)).toBe('TIME_UNTRUSTED');
  });

  test('A14 used outside its validity', () => {
    const leaf = FS.issue({ notBefore: GOLD_TIME, notAfter: after(GOLD_TIME, 60_000) });
    for (const at of [GOLD_TIME, after(GOLD_TIME, 60_000)]) expect(judge(signed(leaf, at))).toBe('verified');
    for (const at of [after(GOLD_TIME, -1000), after(GOLD_TIME, 61_000), after(GOLD_TIME, 86_400_000)]) {
      expect(judge(signed(leaf, at))).toBe('TIME_UNTRUSTED');
    }
  });

  test('A19 no SCT, or one of another log', () => {
    expect(judge(signed(FS.issue()))).toBe('verified');
    expect(judge(signed(FS.issue({ sctBy: [] })))).toBe('CERT_INVALID');
    expect(judge(signed(FS.issue({ sctBy: [newKeyPair()] })))).toBe('CERT_INVALID');
  });

  test('A20 the same identity from another instance', () => {
    expect(judge(form.sign({}))).toBe('verified');
    expect(judge(form.sign({}, FS2))).toBe('CERT_INVALID');
    expect(judge(signed(FS2.issue()))).toBe('CERT_INVALID');
  });

  test('A22 a certificate for another purpose', () => {
    expect(judge(signed(FS.issue()))).toBe('verified');
    for (const purposes of [['1.3.6.1.5.5.7.3.1'], ['2.5.29.37.0'], []]) {
      expect(judge(signed(FS.issue({ purposes })))).toBe('CERT_INVALID');
    }
  });
});

function bundleOf(evidence: Evidence): BundleJson {
  if (evidence.kind !== 'bundle') throw new Error('it is no bundle');
  return JSON.parse(Buffer.from(evidence.bytes).toString()) as BundleJson;
}

function annotationsOf(evidence: Evidence): Readonly<Record<string, string>> {
  if (evidence.kind === 'bundle') throw new Error('it has no annotations');
  return evidence.annotations;
}

function withAnnotations(evidence: Evidence, annotations: Readonly<Record<string, string>>): Evidence {
  if (evidence.kind === 'bundle') throw new Error('it has no annotations');
  return { ...evidence, annotations };
}

function inCertificateSlot(evidence: Evidence, keys: KeyPair): Evidence {
  if (evidence.kind !== 'bundle') {
    return withAnnotations(evidence, {
      ...evidence.annotations,
      [ANNOTATIONS.certificate]: publicKeyPem(keys),
    });
  }
  const bundle = bundleOf(evidence);
  const { publicKey: _key, ...material } = bundle.verificationMaterial;
  const certificate = { rawBytes: spki(keys.publicKey).toString('base64') };
  return bundleEvidence({ ...bundle, verificationMaterial: { ...material, certificate } });
}

test('A7 the PEM of a key under the label of a certificate', () => {
  const good = FS.signEnvelope({ digests: [D], key });
  const relabelled = withAnnotations(good, {
    ...good.annotations,
    [ANNOTATIONS.certificate]: pem('CERTIFICATE', spki(key.publicKey)),
  });
  expect(outcome(good, keyContext(key))).toBe('verified');
  expect(outcome(relabelled, ROOT)).toBe('CERT_INVALID');
  expect(outcome(relabelled, keyContext(key))).toBe('CERT_INVALID');
});
