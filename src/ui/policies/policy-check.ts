import { useQuery } from '@tanstack/react-query';
import type { FieldProblem } from '../../admin/problem.ts';
import type { Policy } from '../../admin/schemas/resources.ts';
import { call } from '../api/http.ts';
import { ApiError } from '../api/problem.ts';
import type { Written } from '../api/written.ts';
import { useDebounced } from '../shared/debounced.ts';
import type { Json } from '../shared/values.ts';
import { targetOf } from './policy-document.ts';

/** Milliseconds after the last key stroke in which a document is checked. */
const TYPING = 500;

export interface PolicyCheck {
  readonly state: 'off' | 'checking' | 'valid' | 'invalid' | 'conflict' | 'failed';
  readonly errors: readonly FieldProblem[];
  readonly warnings: readonly string[];
  /** Why it could not be checked, or what is wrong with it as a whole. */
  readonly error: ApiError | undefined;
}

/**
 * Has the server check a document while it is typed: a write that changes nothing.
 * @param value undefined = there is nothing to check @param version undefined = it is new
 */
export function usePolicyCheck(
  value: Json | undefined,
  version: string | undefined,
  isOn: boolean,
): PolicyCheck {
  const settled = useDebounced(value, TYPING);
  const check = useQuery({
    queryKey: ['policy-check', settled, version],
    queryFn: ({ signal }) => {
      const { folder, path, body } = targetOf(settled ?? {});
      const options = { query: { dryRun: true }, body, signal };
      return version === undefined
        ? call<Written<Policy>>('POST', folder, options)
        : call<Written<Policy>>('PUT', path, { ...options, version });
    },
    enabled: isOn && settled !== undefined,
    retry: false,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  if (!isOn || value === undefined) return { state: 'off', errors: [], warnings: [], error: undefined };
  const error = check.error instanceof ApiError ? check.error : undefined;
  return {
    state: value !== settled || check.isFetching ? 'checking' : stateOf(check.isSuccess, error),
    errors: error?.errors ?? [],
    warnings: warningsOf(check.data),
    error,
  };
}

function stateOf(isValid: boolean, error: ApiError | undefined): PolicyCheck['state'] {
  if (isValid) return 'valid';
  if (error?.code === 'CHANGED_MEANWHILE') return 'conflict';
  return error !== undefined && [400, 409, 422].includes(error.status) ? 'invalid' : 'failed';
}

function warningsOf(written: Written<Policy> | undefined): readonly string[] {
  return [...new Set([...(written?.warnings ?? []), ...(written?.document?.warnings ?? [])])];
}
