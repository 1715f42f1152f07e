import { useQueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useState, useSyncExternalStore, type ReactNode } from 'react';
import { LiveStream, type LiveView } from './live-stream.ts';
import { FOLLOWS_SNAPSHOT } from './queries.ts';

const Live = createContext<LiveView>({ state: 'connecting', decisions: [] });

export function useLive(): LiveView {
  return useContext(Live);
}

/** Keeps the live stream for whoever is signed in, and has everything read again that a new snapshot may have changed. */
export function LiveProvider({ children }: { readonly children: ReactNode }) {
  const client = useQueryClient();
  const [stream] = useState(
    () =>
      new LiveStream(() => {
        for (const queryKey of FOLLOWS_SNAPSHOT) void client.invalidateQueries({ queryKey });
      }),
  );
  useEffect(() => {
    stream.start();
    return () => stream.stop();
  }, [stream]);
  return <Live value={useSyncExternalStore(stream.subscribe, stream.view)}>{children}</Live>;
}
