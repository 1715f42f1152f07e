import { describe, expect, test } from '@jest/globals';
import type { VerificationEntry } from '../../src/admin/schemas/history.ts';
import type { Explanation } from '../../src/policy/explanation.ts';
import { explanationTree } from '../../src/ui/explain/explanation-tree.ts';
import { branchIds, closedIds, type TreeNode } from '../../src/ui/explain/tree.ts';
import { verificationTree } from '../../src/ui/explain/verification-tree.ts';

const DIGEST = `sha256:${'4e'.repeat(32)}`;

const EXPLANATION: Explanation = {
  image: 'ghcr.io/org/server:v1',
  digest: DIGEST,
  verdict: 'violated',
  policies: [
    {
      policy: { kind: 'ClusterSigningPolicy', namespace: undefined, name: 'mcp' },
      mode: 'Enforce',
      verdict: 'violated',
      headline: 'Image ghcr.io/org/server:v1 is signed by nobody who is trusted.',
      signers: [],
      reasons: [{ code: 'IDENTITY_MISMATCH', detail: 'signed by ci.yml' }],
      warnings: [],
      expected: 'a signature by release.yml',
      next: 'sign it',
      trustedKeys: [{ entry: 'trustedKeys[0]', state: 'usable', detail: 'release.yml' }],
      subjects: [
        {
          role: 'image',
          digest: DIGEST,
          platform: undefined,
          evidence: [
            {
              source: 'referrer sha256:77',
              content: { kind: 'signature', form: 'statement' },
              proof: {
                signedBy: 'ci.yml',
                signer: { kind: 'key', fingerprint: 'sha256:11' },
                digests: [DIGEST],
                log: {
                  state: 'valid',
                  proofs: [{ logId: 'a'.repeat(64), logIndex: '7', integratedAt: '2026-01-01T00:00:00Z' }],
                },
                timestamps: { state: 'absent' },
              },
              countsFor: [],
              refusals: [
                { entries: ['trustedKeys[0]'], code: 'IDENTITY_MISMATCH', detail: 'another subject' },
              ],
            },
          ],
          faults: [{ code: 'REGISTRY_UNREACHABLE', detail: 'no answer' }],
        },
      ],
    },
  ],
};

const ROW: VerificationEntry = {
  id: 1,
  time: '2026-01-01T00:00:00Z',
  assessmentId: 'a',
  image: '<img src=x onerror=alert(1)>',
  private: false,
  signatureFound: true,
  signatureValid: false,
  codes: ['IDENTITY_MISMATCH', 'THRESHOLD'],
  code: 'IDENTITY_MISMATCH',
  error: 'signed by somebody else',
  policy: 'ClusterSigningPolicy/mcp',
  mode: 'Enforce',
  verdict: 'violated',
  decision: 'denied',
  namespace: 'mcp',
  kind: 'Pod',
  name: 'p',
  user: 'u',
  operation: 'CREATE',
  replica: 'r',
  latencyMilliseconds: 1,
};

function all(node: TreeNode): readonly TreeNode[] {
  return [node, ...node.children.flatMap(all)];
}

describe('the tree of why', () => {
  test('leads from the image over digest, policy, evidence and proof to the check that failed', () => {
    const nodes = all(explanationTree(EXPLANATION));
    expect(nodes.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'Image',
        'Digest',
        'Policy (Enforce)',
        'Signature',
        'Proof',
        'Key',
        'Transparency log',
      ]),
    );
    const refusal = nodes.find(({ name }) => name.startsWith('Does not count'));
    expect(refusal).toMatchObject({
      code: 'IDENTITY_MISMATCH',
      expected: 'release.yml',
      found: 'ci.yml',
      state: 'bad',
    });
    expect(nodes.find(({ code }) => code === 'REGISTRY_UNREACHABLE')?.state).toBe('unknown');
  });

  test('a refusal by one entry is no fault of evidence that counts for another', () => {
    const [policy] = EXPLANATION.policies;
    const [subject] = policy?.subjects ?? [];
    const [evidence] = subject?.evidence ?? [];
    if (policy === undefined || subject === undefined || evidence === undefined)
      throw new Error('no evidence');
    const counted = {
      ...EXPLANATION,
      policies: [
        { ...policy, subjects: [{ ...subject, evidence: [{ ...evidence, countsFor: ['trustedKeys[1]'] }] }] },
      ],
    };
    const nodes = all(explanationTree(counted));
    expect(nodes.find(({ name }) => name.startsWith('Does not count'))?.state).toBe('neutral');
    expect(nodes.find(({ name }) => name === 'Signature')?.state).toBe('good');
  });

  test('every node has a place of its own, and what is bulky is closed', () => {
    const root = explanationTree(EXPLANATION);
    const ids = all(root).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(closedIds(root).length).toBeGreaterThan(0);
    expect(branchIds(root)).not.toContain(root.id);
  });

  test('a row of the history says the same as far as it goes, whatever its texts hold', () => {
    const root = verificationTree(ROW);
    expect(root.text).toBe('<img src=x onerror=alert(1)>');
    const nodes = all(root);
    expect(nodes.filter(({ code }) => code !== undefined).map(({ code }) => code)).toEqual(ROW.codes);
    expect(nodes.find(({ name }) => name === 'Signature')).toMatchObject({ text: 'Not valid', state: 'bad' });
    expect(nodes.find(({ name }) => name === 'Decision')).toMatchObject({ text: 'Denied', state: 'bad' });
  });

  test('nothing is said of a signature that nobody looked for', () => {
    const { signatureFound: _, ...row } = ROW;
    expect(all(verificationTree(row)).some(({ name }) => name === 'Signature')).toBe(false);
  });
});
