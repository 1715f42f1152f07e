import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useState, useSyncExternalStore, type ReactNode } from 'react';
import { LiveStream, type LiveView } from './live-stream.ts';
import { FOLLOWS_DECISIONS, FOLLOWS_SNAPSHOT } from './queries.ts';

const Live = createContext<LiveView>({ state: 'connecting', decisions: [] });

export function useLive(): LiveView {
  return useContext(Live);
}

/** Milliseconds after a decision in which the history has it; others that come meanwhile are read along with it. */
const HISTORY_DELAY = 3000;

/** Keeps the live stream for whoever is signed in, and has everything read again that it says is different now. */
export function LiveProvider({ children }: { readonly children: ReactNode }) {
  const client = useQueryClient();
  const [stream] = useState(() => new LiveStream(refreshers(client)));
  useEffect(() => {
    stream.start();
    return () => stream.stop();
  }, [stream]);
  return <Live value={useSyncExternalStore(stream.subscribe, stream.view)}>{children}</Live>;
}

function refreshers(client: QueryClient): ConstructorParameters<typeof LiveStream>[0] {
  const refresh = (queryKeys: typeof FOLLOWS_SNAPSHOT | typeof FOLLOWS_DECISIONS) => {
    for (const queryKey of queryKeys) void client.invalidateQueries({ queryKey });
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    onSnapshot: () => refresh(FOLLOWS_SNAPSHOT),
    onDecision: () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        refresh(FOLLOWS_DECISIONS);
      }, HISTORY_DELAY);
    },
  };
}
