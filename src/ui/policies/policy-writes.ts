import type { Policy } from '../../admin/schemas/resources.ts';
import { call } from '../api/http.ts';
import { policyPath } from '../api/queries.ts';
import { useWrite } from '../api/writes.ts';
import type { Written } from '../api/written.ts';
import type { Json } from '../shared/values.ts';
import { strings } from '../strings.ts';
import { targetOf, type PolicyMode } from './policy-document.ts';

const text = strings.policies;

export interface PolicySave {
  readonly value: Json;
  /** As it was typed. */
  readonly text: string;
  /** Undefined = it is new. */
  readonly version: string | undefined;
}

export function useSavePolicy(onDone: (written: Written<Policy>, save: PolicySave) => void) {
  return useWrite<PolicySave, Policy>({
    // A weaker mode was asked about before it comes here.
    write: ({ value, version }) => {
      const { folder, path, body } = targetOf(value);
      return version === undefined
        ? call('POST', folder, { body })
        : call('PUT', `${path}?confirm=true`, { body, version });
    },
    said: ({ value }) => text.saved(targetOf(value).name),
    onDone,
  });
}

export interface ModeChange {
  readonly policy: Policy;
  readonly mode: PolicyMode;
}

export function useChangeMode(onDone: () => void) {
  return useWrite<ModeChange, Policy>({
    write: ({ policy: { metadata }, mode }) =>
      call('POST', `${policyPath(metadata.namespace, metadata.name)}/mode`, {
        body: { mode, confirm: true },
      }),
    said: ({ policy: { metadata }, mode }) => text.modeChanged(metadata.name, mode),
    onDone,
  });
}
