import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call, keepCsrfToken } from '../api/http.ts';

/** Ends the session, and forgets everything that was read in it. */
export function useSignOut(onFailed?: (error: Error) => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => call<unknown>('DELETE', '/session'),
    onSuccess: async () => {
      keepCsrfToken(undefined);
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' });
      await client.invalidateQueries({ queryKey: ['session'] });
    },
    ...(onFailed !== undefined && { onError: onFailed }),
  });
}
