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
    names: z.array(z.strictObject({ type: z.enum(['uri', 'email', 'username']), value: z.string() })),
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

const provenance = z.strictObject({
  evidence: z.string(),
  kind: z.enum(['provenance', 'summary', 'unreadable']),
  counts: z.boolean(),
  level: z.int().min(0).max(3),
  builder: z.string().optional(),
  verifier: z.string().optional(),
  source: z.string().optional(),
  ref: z.string().optional(),
  commit: z.string().optional(),
  trigger: z.string().optional(),
  runnerEnvironment: z.string().optional(),
  buildType: z.string().optional(),
  signedBy: z.string(),
  signedAt: time.optional(),
  reasons: z.array(reason),
  statement: z
    .strictObject({
      entryPoint: z.string().optional(),
      invocation: z.string().optional(),
      startedOn: time.optional(),
      finishedOn: time.optional(),
      builderVersion: z.record(z.string(), z.string()).optional(),
      parameters: z.json().optional(),
      resolvedDependencies: z.array(
        z.strictObject({
          name: z.string().optional(),
          uri: z.string().optional(),
          digest: z.record(z.string(), z.string()),
        }),
      ),
      resolvedDependencyCount: z.int().min(0),
    })
    .optional(),
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
  exception: z.strictObject({ name: z.string(), expiresAt: time }).optional(),
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
      provenance: z.array(provenance).optional(),
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
