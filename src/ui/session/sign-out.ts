import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { Session } from '../../admin/schemas/session.ts';
import { call } from '../api/http.ts';
import { changeSession, signedOut } from './session-change.ts';
import { useCurrentSession } from './session.tsx';

/** Ends the session, and forgets everything that was read in it. */
export function useSignOut(onFailed?: (error: Error) => void) {
  const client = useQueryClient();
  const session: Session = useCurrentSession();
  return useMutation({
    mutationFn: () => call<unknown>('DELETE', '/session'),
    onSuccess: () => changeSession(client, signedOut(session)),
    ...(onFailed !== undefined && { onError: onFailed }),
  });
}
