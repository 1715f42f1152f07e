import { useQuery } from '@tanstack/react-query';
import type { Stats } from '../../admin/schemas/history.ts';
import type { Exception, Policy, Signer, TrustRootDocument } from '../../admin/schemas/resources.ts';
import type { Session } from '../../admin/schemas/session.ts';
import type { InstallationStatus } from '../../admin/schemas/status.ts';
import { untilNextExpiry } from './expiry.ts';
import { get, keepCsrfToken, segment } from './http.ts';

export interface ListOf<T> {
  readonly items: readonly T[];
  readonly isComplete: boolean;
}

/** What may be different under the next snapshot. */
export const FOLLOWS_SNAPSHOT = [
  ['signers'],
  ['policies'],
  ['trust-roots'],
  ['exceptions'],
  ['status'],
  ['changes'],
] as const;

/** What has more in it after a decision. */
export const FOLLOWS_DECISIONS = [['stats'], ['verifications']] as const;

export function useSession() {
  return useQuery({
    queryKey: ['session'],
    queryFn: async ({ signal }) => {
      const session = await get<Session>('/session', { signal });
      keepCsrfToken(session.csrfToken);
      return session;
    },
    // The id and the token change now and then.
    refetchInterval: 5 * 60_000,
    retry: 3,
  });
}

export function useStatus() {
  return useQuery({
    queryKey: ['status'],
    queryFn: ({ signal }) => get<InstallationStatus>('/status', { signal }),
    refetchInterval: 30_000,
  });
}

export function useSigners() {
  return useQuery({
    queryKey: ['signers'],
    queryFn: ({ signal }) => get<ListOf<Signer>>('/signers', { signal }),
    refetchInterval: ({ state }) => untilNextExpiry(state.data?.items ?? [], Date.now()),
  });
}

export function useSigner(name: string) {
  return useQuery({
    queryKey: ['signers', name],
    queryFn: ({ signal }) => get<Signer>(`/signers/${segment(name)}`, { signal }),
    refetchInterval: ({ state }) => untilNextExpiry(state.data === undefined ? [] : [state.data], Date.now()),
  });
}

/** @param namespace undefined = of the cluster and of all namespaces */
export function usePolicies(namespace?: string) {
  return useQuery({
    queryKey: namespace === undefined ? ['policies'] : ['policies', 'of', namespace],
    queryFn: ({ signal }) =>
      get<ListOf<Policy>>('/policies', { signal, ...(namespace !== undefined && { query: { namespace } }) }),
  });
}

/** Where a policy of this name is. @param namespace undefined = a ClusterSigningPolicy */
export function policyPath(namespace: string | undefined, name?: string): string {
  const folder = namespace === undefined ? '/policies' : `/namespaces/${segment(namespace)}/policies`;
  return name === undefined ? folder : `${folder}/${segment(name)}`;
}

export function usePolicy(namespace: string | undefined, name: string | undefined) {
  return useQuery({
    queryKey: ['policies', namespace ?? '', name ?? ''],
    queryFn: ({ signal }) => get<Policy>(policyPath(namespace, name ?? ''), { signal }),
    enabled: name !== undefined,
    // An editor holds it: its text is not changed under somebody's hands.
    refetchOnWindowFocus: false,
  });
}

export function useTrustRoots() {
  return useQuery({
    queryKey: ['trust-roots'],
    queryFn: ({ signal }) => get<ListOf<TrustRootDocument>>('/trust-roots', { signal }),
  });
}

export function useExceptions() {
  return useQuery({
    queryKey: ['exceptions'],
    queryFn: ({ signal }) => get<ListOf<Exception>>('/exceptions', { signal }),
    refetchInterval: ({ state }) => untilNextExpiry(state.data?.items ?? [], Date.now()),
  });
}

/** @param seconds how far back @param bucketSeconds a multiple of 300 */
export function useStats(seconds: number, bucketSeconds: number) {
  return useQuery({
    queryKey: ['stats', seconds, bucketSeconds],
    queryFn: ({ signal }) => {
      const until = Math.ceil(Date.now() / 300_000) * 300_000;
      const from = new Date(until - seconds * 1000).toISOString();
      const query = { from, until: new Date(until).toISOString(), bucketSeconds };
      return get<Stats>('/stats', { query, signal });
    },
    refetchInterval: 30_000,
    placeholderData: (before) => before,
  });
}
