import { useMutation, useQueryClient, type UseMutationResult } from '@tanstack/react-query';
import { useToast } from '../app/toasts.tsx';
import { strings } from '../strings.ts';
import { FOLLOWS_SNAPSHOT } from './queries.ts';
import type { Written } from './written.ts';

/** One change: when it is made, says so, and has everything read again that may be different now. */
export function useWrite<V, T = unknown>({
  write,
  said,
  onDone,
}: {
  readonly write: (variables: V) => Promise<Written<T>>;
  readonly said: (variables: V) => string;
  readonly onDone?: (written: Written<T>, variables: V) => void;
}): UseMutationResult<Written<T>, Error, V> {
  const client = useQueryClient();
  const toast = useToast();
  return useMutation({
    mutationFn: write,
    onSuccess: (written, variables) => {
      const notes = [...(written.inForce ? [] : [strings.app.storedBody]), ...written.warnings];
      toast({
        variant: notes.length === 0 ? 'success' : 'warning',
        title: said(variables),
        detail: notes.length === 0 ? undefined : notes.join(' · '),
      });
      for (const queryKey of FOLLOWS_SNAPSHOT) void client.invalidateQueries({ queryKey });
      onDone?.(written, variables);
    },
  });
}
