import type { Signer } from '../../admin/schemas/resources.ts';
import { call, segment } from '../api/http.ts';
import { useWrite } from '../api/writes.ts';
import type { Draft, Written } from '../api/written.ts';
import { strings } from '../strings.ts';

const text = strings.signers;

export function signerPath(name: string): string {
  return `/signers/${segment(name)}`;
}

/** How trust in a signer ends. */
export type Ending = 'retire' | 'revoke' | 'delete';

const SAID = { retire: text.retired, revoke: text.revoked, delete: text.deleted } as const;

export function useEnding(ending: Ending, onDone: () => void) {
  return useWrite<string, Signer>({
    write: (name) => {
      if (ending === 'delete') return call('DELETE', signerPath(name));
      return call('POST', `${signerPath(name)}/${ending === 'retire' ? 'retire' : 'disable'}`);
    },
    said: SAID[ending],
    onDone,
  });
}

export function useEnable() {
  return useWrite<string, Signer>({
    write: (name) => call('POST', `${signerPath(name)}/enable`),
    said: text.enabled,
  });
}

export interface SignerSave {
  readonly draft: Draft;
  /** Undefined = it is new. */
  readonly version: string | undefined;
}

export function useSaveSigner(onDone: (written: Written<Signer>) => void) {
  return useWrite<SignerSave, Signer>({
    write: ({ draft, version }) =>
      version === undefined
        ? call('POST', '/signers', { body: draft })
        : call('PUT', signerPath(draft.metadata.name), { body: draft, version }),
    said: ({ draft }) => text.saved(draft.metadata.name),
    onDone,
  });
}
