import { createHash } from 'node:crypto';
import type { Kind } from '../api/envelope.ts';
import { isRecord, type KubeObject } from '../kube/object.ts';
import { managedBy } from './managed-by.ts';
import type { StoredDocument } from './resource-desk.ts';

/**
 * What people may change of an object, as one word: the API server's `resourceVersion` also changes with each status that
 * Countersign writes, and a form that was opened a second earlier would be out of date.
 */
export function versionOf({ metadata }: KubeObject): string {
  const { uid = '', generation = 0, labels = {} } = metadata;
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash('sha256')
    .update(JSON.stringify([uid, generation, sorted]))
    .digest('hex');
  return `${generation}-${hash.slice(0, 16)}`;
}

/** An object of the API server as a document. */
export function documentOf(kind: Kind, object: KubeObject): StoredDocument {
  const metadata = object.metadata as unknown as Record<string, unknown>;
  const { name, namespace, labels, uid, generation } = object.metadata;
  const created = metadata['creationTimestamp'];
  const keeper = managedBy(metadata);
  const { spec, status } = object;
  return {
    kind,
    metadata: {
      name,
      resourceVersion: versionOf(object),
      ...(namespace !== undefined && { namespace }),
      ...(labels !== undefined && { labels }),
      ...(uid !== undefined && { uid }),
      ...(generation !== undefined && { generation }),
      ...(typeof created === 'string' && { creationTimestamp: created }),
      ...(keeper !== undefined && { managedBy: keeper }),
    },
    spec: isRecord(spec) ? spec : {},
    ...(isRecord(status) && { status }),
  };
}

/** For a PUT: who wrote which field is for the API server to say. */
export function withoutManagers(metadata: KubeObject['metadata']): object {
  const { managedFields: _, ...rest } = metadata as unknown as Record<string, unknown>;
  return rest;
}
