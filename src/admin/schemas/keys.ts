import * as z from 'zod';

/** "What is this key?": of a PEM text, read here, or of a reference, asked of its store now. Nothing is kept. */
export const keyQuestionSchema = z
  .union([
    z.strictObject({ pem: z.string().min(1).max(65_536) }),
    z.strictObject({ uri: z.string().min(1).max(1024) }),
  ])
  .meta({ id: 'KeyQuestion' });

export const keyAnswerSchema = z
  .strictObject({
    keys: z.array(
      z.strictObject({
        fingerprint: z.string().describe('`sha256:` of the SubjectPublicKeyInfo.'),
        algorithm: z.string().describe('`ECDSA P-256`, `RSA 3072`, `Ed25519`.'),
        certificate: z
          .strictObject({ subject: z.string(), notBefore: z.string(), notAfter: z.string() })
          .optional(),
      }),
    ),
  })
  .meta({ id: 'KeyAnswer' });

export type KeyQuestion = z.output<typeof keyQuestionSchema>;
export type KeyAnswer = z.output<typeof keyAnswerSchema>;
