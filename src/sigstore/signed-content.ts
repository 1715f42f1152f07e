import { unreachable } from '../errors.ts';
import type { Artifact } from './signature-content.ts';
import type { SignedMaterial } from './signed-material.ts';
import { readSimpleSigning } from './simple-signing.ts';
import { readStatement, type Statement } from './statement.ts';

/** What was signed and about which digests. Called once the signature is verified: nothing unsigned is interpreted. */
export function readContent({ payload }: SignedMaterial, artifact: Artifact | undefined): Statement {
  switch (payload.kind) {
    case 'dsse':
      return readStatement(payload.payload);
    case 'simple-signing':
      return {
        content: { kind: 'signature', form: 'simple-signing' },
        digests: [readSimpleSigning(payload.payload)],
      };
    case 'message':
      // signatureContent has compared the digest with the bytes.
      return {
        content: { kind: 'signature', form: 'message-signature' },
        digests: artifact === undefined ? [] : [artifact.digest],
      };
    default:
      return unreachable(payload);
  }
}
