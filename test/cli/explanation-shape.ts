import { z } from 'zod';

/** What `countersign verify --output json` prints for one image, as docs/cli.md tells it. Nothing else may stand in it. */
const verdict = z.enum(['verified', 'violated', 'faulted']);
const code = z.string().regex(/^[A-Z_]+$/);
const time = z.iso.datetime();
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const reason = z.strictObject({ code, detail: z.string() });

const proofsOf = <P extends z.ZodType>(proof: P) =>
  z.discriminatedUnion('state', [
    z.strictObject({ state: z.literal('absent') }),
    z.strictObject({ state: z.literal('valid'), proofs: z.array(proof).min(1) }),
    z.strictObject({ state: z.literal('invalid'), code, detail: z.string() }),
  ]);

const signer = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('certificate'),
    trustRoot: digest,
    issuer: z.string(),
    names: z.array(z.strictObject({ type: z.enum(['uri', 'email']), value: z.string() })),
    extensions: z.record(z.string(), z.string()),
  }),
  z.strictObject({ kind: z.literal('key'), fingerprint: digest }),
]);

const content = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('signature'),
    form: z.enum(['simple-signing', 'message-signature', 'statement']),
  }),
  z.strictObject({ kind: z.literal('attestation'), predicateType: z.string() }),
]);

const evidence = z.strictObject({
  source: z.string(),
  content: content.optional(),
  proof: z
    .strictObject({
      signedBy: z.string(),
      signer,
      digests: z.array(digest),
      log: proofsOf(
        z.strictObject({ logId: z.string(), logIndex: z.string(), integratedAt: time.optional() }),
      ),
      timestamps: proofsOf(z.strictObject({ authority: z.string(), signedAt: time })),
    })
    .optional(),
  countsFor: z.array(z.string()),
  refusals: z.array(reason.extend({ entries: z.array(z.string()) })),
});

const policy = z.strictObject({
  policy: z
    .strictObject({
      kind: z.enum(['ClusterSigningPolicy', 'SigningPolicy']),
      namespace: z.string().optional(),
      name: z.string(),
    })
    .optional(),
  mode: z.enum(['Enforce', 'Warn', 'Audit']),
  verdict,
  headline: z.string(),
  signers: z.array(
    z.strictObject({
      entry: z.string(),
      identity: z.string(),
      issuer: z.string().optional(),
      signedAt: time.optional(),
    }),
  ),
  reasons: z.array(reason),
  warnings: z.array(z.string()),
  expected: z.string().optional(),
  next: z.string().optional(),
  trustedKeys: z.array(
    z.strictObject({
      entry: z.string(),
      state: z.enum(['usable', 'unavailable', 'unusable']),
      detail: z.string(),
    }),
  ),
  subjects: z.array(
    z.strictObject({
      role: z.enum(['image', 'platform', 'index']),
      digest,
      platform: z.string().optional(),
      evidence: z.array(evidence),
      faults: z.array(reason),
    }),
  ),
});

export const explanationShape = z.strictObject({
  image: z.string(),
  digest: digest.optional(),
  verdict,
  policies: z.array(policy).min(1),
});

export type ExplanationJson = z.output<typeof explanationShape>;

/** Standard output of `--output json`, of one image. */
export function readExplanation(stdout: string): ExplanationJson {
  return explanationShape.parse(JSON.parse(stdout));
}
