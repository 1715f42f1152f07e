import type * as z from 'zod';
import type { Kind } from './envelope.ts';
import { signingExceptionSpec } from './exception-schema.ts';
import { clusterPolicySpec, namespacedPolicySpec } from './policy-schema.ts';
import {
  policyStatus,
  signingExceptionStatus,
  trustedSignerStatus,
  trustRootStatus,
} from './status-schema.ts';
import { trustedSignerSpec, trustRootSpec } from './trust-schema.ts';

/** How a kind is served, and what `kubectl get` shows of it. */
export interface Definition {
  readonly kind: Kind;
  readonly plural: string;
  readonly singular: string;
  /** Not `sp` or `tr`: Linkerd's ServiceProfile and Tekton's TaskRun have those. */
  readonly shortNames: readonly string[];
  readonly scope: 'Cluster' | 'Namespaced';
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  readonly columns: readonly Column[];
}

interface Column {
  readonly name: string;
  readonly type: 'string' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description: string;
}

const READY: Column = {
  name: 'Ready',
  type: 'string',
  jsonPath: '.status.conditions[?(@.type=="Ready")].status',
  description: 'Whether it can be used.',
};
const AGE: Column = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Since when it exists.',
};
const MODE: Column = {
  name: 'Mode',
  type: 'string',
  jsonPath: '.spec.mode',
  description: 'What happens to an image that does not fulfil it.',
};

/** Not a date: kubectl shows dates as an age, and this one lies ahead. */
const expires = (description: string): Column => ({
  name: 'Expires',
  type: 'string',
  jsonPath: '.spec.expiresAt',
  description,
});

export const DEFINITIONS: readonly Definition[] = [
  {
    kind: 'ClusterSigningPolicy',
    plural: 'clustersigningpolicies',
    singular: 'clustersigningpolicy',
    shortNames: ['csp'],
    scope: 'Cluster',
    description:
      'Which signatures the images of workloads need, in the whole cluster. All policies that cover an image must hold.',
    spec: clusterPolicySpec,
    status: policyStatus,
    columns: [MODE, READY, AGE],
  },
  {
    kind: 'SigningPolicy',
    plural: 'signingpolicies',
    singular: 'signingpolicy',
    shortNames: ['sigpol'],
    scope: 'Namespaced',
    description:
      'Which signatures the images of workloads need in this namespace, in addition to what the cluster asks.',
    spec: namespacedPolicySpec,
    status: policyStatus,
    columns: [MODE, READY, AGE],
  },
  {
    kind: 'TrustedSigner',
    plural: 'trustedsigners',
    singular: 'trustedsigner',
    shortNames: ['tsigner'],
    scope: 'Cluster',
    description: 'Somebody whose signatures policies may rely on.',
    spec: trustedSignerSpec,
    status: trustedSignerStatus,
    columns: [
      { name: 'Type', type: 'string', jsonPath: '.status.type', description: 'What kind of signer it is.' },
      {
        name: 'Enabled',
        type: 'boolean',
        jsonPath: '.spec.enabled',
        description: 'Whether it vouches for anything.',
      },
      expires('When it stops vouching.'),
      READY,
      AGE,
    ],
  },
  {
    kind: 'TrustRoot',
    plural: 'trustroots',
    singular: 'trustroot',
    shortNames: ['troot'],
    scope: 'Cluster',
    description: 'An instance of Sigstore that certificates and proofs are verified with.',
    spec: trustRootSpec,
    status: trustRootStatus,
    columns: [
      {
        name: 'Proofs',
        type: 'string',
        jsonPath: '.spec.proofs.preset',
        description: 'Which proofs it gives.',
      },
      READY,
      AGE,
    ],
  },
  {
    kind: 'SigningException',
    plural: 'signingexceptions',
    singular: 'signingexception',
    shortNames: ['sigex'],
    scope: 'Cluster',
    description:
      'Break-glass: for a time, what policies say of some images in some namespaces denies nothing. Immutable.',
    spec: signingExceptionSpec,
    status: signingExceptionStatus,
    columns: [
      {
        name: 'Namespaces',
        type: 'string',
        jsonPath: '.spec.namespaces',
        description: 'Where images are admitted.',
      },
      { name: 'Reason', type: 'string', jsonPath: '.spec.reason', description: 'Why.' },
      expires('When it stops excepting.'),
      READY,
      AGE,
    ],
  },
];
