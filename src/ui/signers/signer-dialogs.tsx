import { useState, type ReactNode } from 'react';
import type { Signer } from '../../admin/schemas/resources.ts';
import { useToast } from '../app/toasts.tsx';
import { EndingDialog } from './ending-dialog.tsx';
import { SignerDialog } from './signer-dialog.tsx';
import { useEnable, type Ending } from './signer-writes.ts';

export interface SignerDialogs {
  readonly add: () => void;
  readonly edit: (signer: Signer) => void;
  readonly enable: (signer: Signer) => void;
  readonly end: (signer: Signer, ending: Ending) => void;
  /** The dialog that is open. */
  readonly shown: ReactNode;
}

type Open =
  | { readonly kind: 'form'; readonly signer: Signer | undefined }
  | { readonly kind: 'ending'; readonly signer: Signer; readonly ending: Ending };

/** What can be done with signers, wherever they are shown. */
export function useSignerDialogs(onDeleted?: () => void): SignerDialogs {
  const [open, setOpen] = useState<Open>();
  const toast = useToast();
  const enable = useEnable();
  const close = () => setOpen(undefined);
  return {
    add: () => setOpen({ kind: 'form', signer: undefined }),
    edit: (signer) => setOpen({ kind: 'form', signer }),
    end: (signer, ending) => setOpen({ kind: 'ending', signer, ending }),
    enable: ({ metadata: { name } }) =>
      enable.mutate(name, {
        onError: ({ message }) => toast({ variant: 'danger', title: name, detail: message }),
      }),
    shown: open && (
      <>
        {open.kind === 'form' && <SignerDialog signer={open.signer} onClose={close} />}
        {open.kind === 'ending' && (
          <EndingDialog
            signer={open.signer}
            ending={open.ending}
            onClose={close}
            onDone={() => {
              close();
              if (open.ending === 'delete') onDeleted?.();
            }}
          />
        )}
      </>
    ),
  };
}
