import { createContext, useContext, type ReactNode } from 'react';
import type { Permissions, Session } from '../../admin/schemas/session.ts';

const Current = createContext<Session | undefined>(undefined);

export function SessionProvider({
  session,
  children,
}: {
  readonly session: Session;
  readonly children: ReactNode;
}) {
  return <Current value={session}>{children}</Current>;
}

/** Of whoever is signed in; only below the sign-in view. */
export function useCurrentSession(): Session {
  const session = useContext(Current);
  if (session === undefined) throw new Error('there is no session here');
  return session;
}

const NONE = { read: false, create: false, update: false, delete: false };
const NOTHING: Permissions = {
  signers: NONE,
  policies: NONE,
  trustRoots: NONE,
  exceptions: NONE,
  verifications: false,
  changes: false,
  verify: false,
  resolveKeys: false,
};

/** What the page offers. The server decides on its own. */
export function usePermissions(): Permissions {
  return useCurrentSession().permissions ?? NOTHING;
}
