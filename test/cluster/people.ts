import { applyObject, readObject } from '../support/api-objects.ts';
import { accountToken, type Installation } from './installation.ts';

/** People of the cluster, and what they may do. */
const NAMESPACE = 'people';
const RBAC = 'rbac.authorization.k8s.io';

/** Somebody with a ServiceAccount, and a token of it in the clipboard. */
export interface Person {
  readonly name: string;
  readonly token: string;
  /** What the API server calls them. */
  readonly user: string;
}

/** @param roles ClusterRoles, bound in the whole cluster or, `role@namespace`, in one namespace */
export async function newPerson(
  { cluster }: Pick<Installation, 'cluster'>,
  name: string,
  ...roles: readonly string[]
): Promise<Person> {
  if ((await readObject(cluster, `/api/v1/namespaces/${NAMESPACE}`)) === undefined)
    await cluster.createNamespace(NAMESPACE);
  const account = { kind: 'ServiceAccount', name, namespace: NAMESPACE };
  await applyObject(cluster, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name, namespace: NAMESPACE },
  });
  for (const each of roles) {
    const [role = '', namespace] = each.split('@');
    await applyObject(cluster, {
      apiVersion: `${RBAC}/v1`,
      kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
      metadata: { name: `${name}-${role}`, ...(namespace !== undefined && { namespace }) },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
      subjects: [account],
    });
  }
  const token = await accountToken(cluster, NAMESPACE, name, 2);
  return { name, token, user: `system:serviceaccount:${NAMESPACE}:${name}` };
}

/** Where the page and the API are. */
export function adminOrigin(world: Pick<Installation, 'adminPort'>): string {
  return `https://127.0.0.1:${world.adminPort()}`;
}
