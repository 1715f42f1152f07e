import { GROUP, VERSION, type Kind } from '../api/envelope.ts';
import type { ResourcePath } from '../kube/object.ts';

/** The kinds that a snapshot is compiled from, with the collections that they are served as. */
export const RESOURCES: Readonly<Record<Kind, string>> = {
  ClusterSigningPolicy: 'clustersigningpolicies',
  SigningPolicy: 'signingpolicies',
  TrustedSigner: 'trustedsigners',
  TrustRoot: 'trustroots',
  SigningException: 'signingexceptions',
};

/** The collection of a kind, in all namespaces. */
export function collectionOf(resource: string): ResourcePath {
  return { group: GROUP, version: VERSION, resource };
}
