import { useQuery } from '@tanstack/react-query';
import type { ImpactAnswer, ImpactQuestion } from '../../admin/schemas/impact.ts';
import { call } from '../api/http.ts';

/** Asked anew whenever it is shown: what runs changes by itself. @param question undefined = do not ask */
export function useImpact(question: ImpactQuestion | undefined) {
  return useQuery({
    queryKey: ['impact', question],
    queryFn: ({ signal }) => call<ImpactAnswer>('POST', '/impact', { body: question, signal }),
    enabled: question !== undefined,
    staleTime: 0,
    gcTime: 0,
    retry: false,
    refetchOnWindowFocus: false,
  });
}
