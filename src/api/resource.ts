import { unreachable } from '../errors.ts';
import { readEnvelope, type Inspection } from './envelope.ts';
import { readException } from './read-exception.ts';
import { readPolicy } from './read-policy.ts';
import { readTrustedSigner, readTrustRoot } from './read-trust.ts';
import type { Resource } from './resources.ts';

/**
 * One of our own documents, from JSON or YAML, as a readonly resource. What is wrong with it stands in `problems` (or in a
 * broken entry of `trustedKeys`) and can only make it deny more.
 * @throws Refusal MALFORMED when kind or name cannot be read: then there is nothing that could deny
 */
export function parseResource(document: unknown): Resource {
  return inspectResource(document).resource;
}

/**
 * The same, with all that is wrong with the document, also what only breaks a single entry.
 * @throws Refusal MALFORMED
 */
export function inspectResource(document: unknown): Inspection {
  const envelope = readEnvelope(document);
  switch (envelope.kind) {
    case 'ClusterSigningPolicy':
    case 'SigningPolicy':
      return readPolicy(envelope.kind, envelope);
    case 'TrustedSigner':
      return readTrustedSigner(envelope);
    case 'TrustRoot':
      return readTrustRoot(envelope);
    case 'SigningException':
      return readException(envelope);
    default:
      return unreachable(envelope.kind);
  }
}
