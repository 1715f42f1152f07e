import { deleteObject, readObject } from '../support/api-objects.ts';
import type { Cluster } from '../support/kubernetes.ts';
import { API_VERSION } from './installation.ts';

interface Listed {
  readonly items: readonly { readonly metadata: { readonly name: string; readonly namespace?: string } }[];
}

const KINDS = [
  'signingpolicies',
  'clustersigningpolicies',
  'signingexceptions',
  'trustedsigners',
  'trustroots',
];

/** Deletes all of Countersign's resources: what one story asked for decides nothing in the next. */
export async function forgetAll(cluster: Cluster): Promise<void> {
  for (const kind of KINDS) {
    const path = `/apis/${API_VERSION}`;
    const { items = [] } = (await readObject<Listed>(cluster, `${path}/${kind}`)) ?? {};
    for (const { metadata } of items) {
      const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
      await deleteObject(cluster, `${path}${place}/${kind}/${metadata.name}`);
    }
  }
}
