import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useCallback, useEffect, useState } from 'react';
import { createBrowserRouter } from 'react-router';
import { RouterProvider } from 'react-router/dom';
import { whenSignedOut } from '../api/http.ts';
import { LiveProvider } from '../api/live.tsx';
import { ApiError } from '../api/problem.ts';
import { useSession } from '../api/queries.ts';
import { FailedState, WholePageLoading } from '../shared/states.tsx';
import { SessionProvider } from '../session/session.tsx';
import { useIdle } from '../session/idle.ts';
import { useSignOut } from '../session/sign-out.ts';
import { SignIn } from '../session/sign-in.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { Shell } from './shell.tsx';
import { ToastProvider } from './toasts.tsx';

const BASE = '/admin/security/signing';
const MAX_RETRIES = 2;

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // What the server has answered it will answer again.
      retry: (count, error) =>
        count < MAX_RETRIES && (!(error instanceof ApiError) || error.status === 0 || error.status >= 502),
    },
  },
});

/** One route: sections stand in the shell. Only such a router can ask before somebody leaves. */
const router = createBrowserRouter(
  [
    {
      path: '*',
      element: (
        <ErrorBoundary>
          <SignedIn />
        </ErrorBoundary>
      ),
    },
  ],
  { basename: BASE },
);

export function App() {
  return (
    <QueryClientProvider client={client}>
      <ToastProvider>
        <RouterProvider router={router} />
      </ToastProvider>
    </QueryClientProvider>
  );
}

/** The page for whoever is signed in, and the way in for everybody else. */
function SignedIn() {
  const session = useSession();
  const [hasEnded, setEnded] = useState(false);
  const noteEnd = useCallback(() => setEnded(true), []);
  const isSignedIn = session.data?.user !== undefined;
  useEffect(() => {
    whenSignedOut(() => {
      setEnded(true);
      void client.invalidateQueries({ queryKey: ['session'] });
    });
  }, []);
  if (session.data === undefined) {
    if (session.isError) return <FailedState error={session.error} onRetry={() => void session.refetch()} />;
    return <WholePageLoading />;
  }
  if (!isSignedIn) return <SignIn session={session.data} hasEnded={hasEnded} />;
  return (
    <SessionProvider session={session.data}>
      <LiveProvider>
        <IdleSignOut onIdle={noteEnd} />
        <Shell />
      </LiveProvider>
    </SessionProvider>
  );
}

/** Nobody who left their desk stays signed in. */
function IdleSignOut({ onIdle }: { readonly onIdle: () => void }) {
  const { mutate } = useSignOut();
  const end = useCallback(() => {
    onIdle();
    mutate();
  }, [onIdle, mutate]);
  useIdle(end);
  return null;
}
