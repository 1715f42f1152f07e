import type { Installation } from './installation.ts';

/** People of the cluster, and what they may do. */
const NAMESPACE = 'people';

/** Somebody with a ServiceAccount, and a token of it in the clipboard. */
export interface Person {
  readonly name: string;
  readonly token: string;
  /** What the API server calls them. */
  readonly user: string;
}

/** @param roles ClusterRoles, bound in the whole cluster or, `role@namespace`, in one namespace */
export async function newPerson(
  { cluster }: Installation,
  name: string,
  ...roles: readonly string[]
): Promise<Person> {
  const kubectl = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await cluster.kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  const has = await cluster.kubectl(['get', 'namespace', NAMESPACE]);
  if (has.code !== 0) await cluster.createNamespace(NAMESPACE);
  await kubectl('-n', NAMESPACE, 'create', 'serviceaccount', name);
  const account = `${NAMESPACE}:${name}`;
  for (const each of roles) {
    const [role = '', namespace] = each.split('@');
    const [kind, place] =
      namespace === undefined ? ['clusterrolebinding', []] : ['rolebinding', ['-n', namespace]];
    await kubectl(
      'create',
      kind,
      `${name}-${role}`,
      `--clusterrole=${role}`,
      `--serviceaccount=${account}`,
      ...place,
    );
  }
  const token = await kubectl('-n', NAMESPACE, 'create', 'token', name, '--duration=2h');
  return { name, token, user: `system:serviceaccount:${account}` };
}

/** Where the page and the API are. */
export function adminOrigin(world: Pick<Installation, 'adminPort'>): string {
  return `https://127.0.0.1:${world.adminPort()}`;
}
