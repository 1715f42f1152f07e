import type { Policy } from '../../admin/schemas/resources.ts';
import { policyPath } from '../api/queries.ts';
import { isRecord, textAt, valueAt, type Json } from '../shared/values.ts';
import { yamlOf } from '../shared/yaml-text.ts';

export type PolicyMode = 'Enforce' | 'Warn' | 'Audit';
export const MODES: readonly PolicyMode[] = ['Enforce', 'Warn', 'Audit'];

/** What a new policy begins as: it refuses nothing, and shows what would be refused. */
export const NEW_POLICY = `apiVersion: countersign.dev/v1alpha1
kind: ClusterSigningPolicy
metadata:
  name: ""
spec:
  mode: Audit
  match:
    images:
      - ghcr.io/org/**
  requireSignature: true
  trustedKeys:
    - signerRef:
        name: ""
`;

export function isWeaker(mode: PolicyMode, than: PolicyMode): boolean {
  return MODES.indexOf(mode) > MODES.indexOf(than);
}

export function modeOf(value: unknown): PolicyMode | undefined {
  const mode = textAt(value, 'spec', 'mode');
  return MODES.find((each) => each === mode);
}

/** A stored policy as a person edits it. */
export function policyText({ apiVersion, kind, metadata, spec }: Policy): string {
  const { name, namespace, labels } = metadata;
  return yamlOf({
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(labels !== undefined && { labels }),
    },
    spec,
  });
}

/** Where a document belongs in the API. */
export interface PolicyTarget {
  /** Undefined = a ClusterSigningPolicy. */
  readonly namespace: string | undefined;
  readonly name: string;
  /** Of the collection. */
  readonly folder: string;
  readonly path: string;
  readonly body: Json;
}

/** @param value a document as it was typed */
export function targetOf(value: Json): PolicyTarget {
  const isNamespaced = value['kind'] === 'SigningPolicy';
  const namespace = isNamespaced ? (textAt(value, 'metadata', 'namespace') ?? '') : undefined;
  const name = textAt(value, 'metadata', 'name') ?? '';
  const metadata = valueAt(value, 'metadata');
  // The path says which namespace.
  const { namespace: _, ...rest } = isRecord(metadata) ? metadata : {};
  return {
    namespace,
    name,
    folder: policyPath(namespace),
    path: policyPath(namespace, name),
    body: { ...value, metadata: rest },
  };
}

/** Where the page shows a policy. */
export function policyRoute(namespace: string | undefined, name: string): string {
  const at = encodeURIComponent(name);
  return namespace === undefined
    ? `/policies/cluster/${at}`
    : `/policies/namespace/${encodeURIComponent(namespace)}/${at}`;
}
