import type { QueryClient } from '@tanstack/react-query';
import type { Session } from '../../admin/schemas/session.ts';
import { keepCsrfToken } from '../api/http.ts';

/** Somebody else is there, or nobody: what the last one saw is forgotten. */
export function changeSession(client: QueryClient, session: Session): void {
  keepCsrfToken(session.csrfToken);
  // First: whoever shows the session watches this query, and takes what hangs on it from the screen.
  client.setQueryData(['session'], session);
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' });
}

/** The same installation, and nobody signed in. */
export function signedOut({ mode, version, signIn }: Session): Session {
  return { mode, version, signIn };
}
