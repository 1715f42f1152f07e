import { describe, expect, test } from '@jest/globals';
import { Fault } from '../../src/errors.ts';
import { LIMITS } from '../../src/limits.ts';
import { decide, deniedByFault, type Asked } from '../../src/policy/decide.ts';
import type { Decision, ImageVerdicts } from '../../src/policy/decision.ts';
import type { Outcome, Verdict } from '../../src/policy/verdict.ts';
import { DIGEST, NOW, policy, snapshotOf } from './builders.ts';

const ASKED: Asked = {
  uid: 'u-1',
  operation: 'CREATE',
  dryRun: false,
  object: { kind: 'Deployment', namespace: 'mcp', name: 'server' },
  user: 'jane',
};
const UNSIGNED: Outcome = {
  kind: 'violated',
  violations: [{ code: 'SIGNATURE_MISSING', detail: 'no signature was found' }],
};
const DOWN: Outcome = {
  kind: 'faulted',
  faults: [{ code: 'REGISTRY_UNREACHABLE', detail: 'registry ghcr.io refused the connection' }],
};
const GOOD: Outcome = {
  kind: 'verified',
  signers: [{ entry: 'trustedKeys[0]', identity: 'build@example.com', issuer: 'i', signedAt: NOW }],
  warnings: [],
};
const SNAPSHOT = snapshotOf(policy());

function verdict(outcome: Outcome, mode: Verdict['mode'] = 'Enforce', name = 'mcp-servers'): Verdict {
  return { policy: { kind: 'ClusterSigningPolicy', namespace: undefined, name }, mode, outcome };
}

function image(name: string, ...verdicts: Verdict[]): ImageVerdicts {
  return {
    image: name,
    field: 'spec.template.spec.containers[0].image',
    place: 'container "server"',
    digest: DIGEST,
    isPrivate: false,
    verdicts,
  };
}

function decided(...images: ImageVerdicts[]): Decision {
  return decide(ASKED, SNAPSHOT, images, []);
}

describe('the message of a denial', () => {
  test('of an unsigned image, word for word', () => {
    const { message } = decided(image(`ghcr.io/org/server:v1@${DIGEST}`, verdict(UNSIGNED)));
    expect(message).toBe(
      [
        'Image ghcr.io/org/server:v1 is not signed. Signature required.',
        '  in:        container "server" (spec.template.spec.containers[0].image)',
        '  policy:    ClusterSigningPolicy "mcp-servers"',
        `  digest:    ${DIGEST}`,
        '  found:     no signature was found [SIGNATURE_MISSING]',
        '  expected:  a signature by build@example.com (issuer https://accounts.google.com) [trustedKeys[0]]',
        `  next:      sign it (cosign sign ghcr.io/org/server@${DIGEST}), or use an image that is signed`,
      ].join('\n'),
    );
  });

  test('several images: every verdict in one answer, the no before the cannot-tell, the verified ones named', () => {
    const { message, code, codes } = decided(
      image('ghcr.io/org/a:v1', verdict(DOWN)),
      image('ghcr.io/org/b:v1', verdict(GOOD)),
      image('ghcr.io/org/c:v1', verdict(UNSIGNED)),
    );
    const headlines = message.split('\n').filter((text) => text.startsWith('Image'));
    expect(headlines).toEqual([
      'Image ghcr.io/org/c:v1 is not signed. Signature required.',
      'Image ghcr.io/org/a:v1 could not be verified: its registry cannot be reached.',
    ]);
    expect(message.split('\n').at(-1)).toBe('Verified: ghcr.io/org/b:v1.');
    expect({ code, codes }).toEqual({ code: 403, codes: ['SIGNATURE_MISSING', 'REGISTRY_UNREACHABLE'] });
  });

  test('a hostile field cannot forge a line, and is bounded', () => {
    const detail = `signed by x\n  policy:    none\u001b[31m\u202e${'y'.repeat(1000)}`;
    const outcome: Outcome = { kind: 'violated', violations: [{ code: 'IDENTITY_MISMATCH', detail }] };
    const { message } = decided(image('ghcr.io/org/a:v1\r\nfake', verdict(outcome)));
    const found = message.split('\n').find((text) => text.includes('found:')) ?? '';
    expect(message.split('\n').filter((text) => text.startsWith('  policy:'))).toHaveLength(1);
    expect(found).toContain('\\u{a}  policy:');
    expect(found).toContain('\\u{1b}[31m\\u{202e}');
    expect(found.length).toBeLessThan(LIMITS.messageFieldChars + 60);
    expect(message).toContain('Image ghcr.io/org/a:v1\\u{d}\\u{a}fake');
  });

  test('a thousand images stay within a bound', () => {
    const many = Array.from({ length: 1000 }, (_, n) => image(`ghcr.io/org/i${n}:v1`, verdict(UNSIGNED)));
    const { message } = decided(...many);
    expect(message.length).toBeLessThanOrEqual(16 * 1024);
    expect(message).toContain('and 980 more.');
  });
});

describe('exceptions', () => {
  const by = (of: Verdict, name = 'incident-1'): Verdict => ({
    ...of,
    exception: { name, expiresAt: NOW },
  });

  test('an excepted verdict denies nothing, and the answer names the exception and its end', () => {
    const { allowed, code, message, codes, warnings, auditAnnotations } = decided(
      image('ghcr.io/org/a:v1', by(verdict(UNSIGNED))),
    );
    expect({ allowed, code, message, codes }).toEqual({
      allowed: true,
      code: 200,
      message: '',
      codes: ['SIGNATURE_MISSING'],
    });
    expect(warnings).toEqual([
      'Excepted by SigningException "incident-1" until 2026-11-22T12:00:00Z: Image ghcr.io/org/a:v1 is not signed. Signature r…',
    ]);
    expect(auditAnnotations).toMatchObject({ outcome: 'admitted', exceptions: 'incident-1' });
    expect(JSON.parse(auditAnnotations['verdicts'] ?? '')).toMatchObject([
      { outcome: 'violated', codes: ['SIGNATURE_MISSING'], exception: 'incident-1' },
    ]);
    const twin = decided(image('ghcr.io/org/a:v1', verdict(UNSIGNED)));
    expect(twin).toMatchObject({ allowed: false, code: 403, warnings: [] });
    expect(twin.auditAnnotations).not.toHaveProperty('exceptions');
  });

  test('one that is not excepted denies, alone, and as what it is', () => {
    const down = verdict(DOWN, 'Enforce', 'strict');
    for (const order of [
      [by(verdict(UNSIGNED)), down],
      [down, by(verdict(UNSIGNED))],
    ]) {
      const { allowed, code, codes, message, warnings } = decided(image('a', ...order));
      expect({ allowed, code, codes }).toEqual({
        allowed: false,
        code: 503,
        codes: ['REGISTRY_UNREACHABLE'],
      });
      expect(message).not.toContain('not signed');
      expect(warnings).toHaveLength(1);
    }
    expect(decided(image('a', by(verdict(UNSIGNED)), by(down))).allowed).toBe(true);
  });

  test('a long name leaves room for the end of the exception and the image', () => {
    const [told] = decided(image('ghcr.io/org/a:v1', by(verdict(UNSIGNED), 'x'.repeat(253)))).warnings;
    expect(told?.length).toBeLessThanOrEqual(LIMITS.warningChars);
    expect(told).toContain('until 2026-11-22T12:00:00Z: Image ghcr');
  });

  test('warnings of exceptions come first, however many there are', () => {
    const soft = Array.from({ length: 30 }, (_, n) => image(`i${n}`, verdict(UNSIGNED, 'Warn')));
    const { warnings } = decided(...soft, image('a', by(verdict(UNSIGNED))));
    expect(warnings).toHaveLength(20);
    expect(warnings[0]).toContain('SigningException "incident-1"');
  });
});

describe('modes', () => {
  test('Enforce denies, with 403 for a no and 503 for a cannot-tell', () => {
    expect(decided(image('a', verdict(UNSIGNED)))).toMatchObject({ allowed: false, code: 403 });
    expect(decided(image('a', verdict(DOWN)))).toMatchObject({ allowed: false, code: 503 });
    expect(decided(image('a', verdict(GOOD)))).toMatchObject({ allowed: true, message: '', codes: [] });
  });

  test('Warn admits and warns, within the length of an API warning', () => {
    const { allowed, warnings, codes } = decided(
      image(`ghcr.io/${'x'.repeat(150)}:v1`, verdict(UNSIGNED, 'Warn')),
    );
    expect(allowed).toBe(true);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.length).toBeLessThanOrEqual(LIMITS.warningChars);
    expect(codes).toEqual(['SIGNATURE_MISSING']);
    expect(decided(image('ghcr.io/org/a:v1', verdict(UNSIGNED, 'Warn'))).warnings).toEqual([
      'Image ghcr.io/org/a:v1 is not signed. Signature required. (ClusterSigningPolicy "mcp-servers", Warn)',
    ]);
  });

  test('Audit admits silently, and the audit annotation tells', () => {
    const { allowed, warnings, auditAnnotations } = decided(image('a', verdict(UNSIGNED, 'Audit')));
    expect({ allowed, warnings }).toEqual({ allowed: true, warnings: [] });
    expect(JSON.parse(auditAnnotations['verdicts'] ?? '')).toMatchObject([
      { image: 'a', mode: 'Audit', outcome: 'violated', codes: ['SIGNATURE_MISSING'] },
    ]);
    expect(auditAnnotations).toMatchObject({ snapshot: '7', outcome: 'admitted' });
  });

  // C9: the verdict is the AND over all images and policies, whatever their order.
  test('C9, C14: one no denies, whatever stands before or after it', () => {
    const good = verdict(GOOD, 'Enforce', 'permissive');
    const bad = verdict(UNSIGNED, 'Enforce', 'strict');
    const soft = verdict(UNSIGNED, 'Audit', 'soft');
    for (const order of [
      [good, bad, soft],
      [bad, good, soft],
      [soft, good, bad],
      [soft, bad, good],
    ]) {
      expect(decided(image('a', ...order)).allowed).toBe(false);
      expect(decided(...order.map((one) => image('a', one))).allowed).toBe(false);
    }
    expect(decided(image('a', good, soft)).allowed).toBe(true);
  });

  test('audit annotations stay within 4 KiB and are whole JSON', () => {
    const many = Array.from({ length: 200 }, (_, n) => image(`ghcr.io/org/i${n}:v1`, verdict(UNSIGNED)));
    const text = decided(...many).auditAnnotations['verdicts'] ?? '';
    expect(text.length).toBeLessThanOrEqual(4096);
    expect(Array.isArray(JSON.parse(text))).toBe(true);
  });
});

test('a review that nobody can decide is denied, and says that nobody could tell', () => {
  expect(deniedByFault(ASKED, new Fault('NOT_SYNCED', 'the policies have not been read yet'))).toMatchObject({
    uid: 'u-1',
    allowed: false,
    code: 503,
    codes: ['NOT_SYNCED'],
    message: expect.stringContaining(
      'Deployment mcp/server could not be verified: the policies have not been read yet',
    ),
  });
});
