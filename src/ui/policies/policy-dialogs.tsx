import { useState, type ReactNode } from 'react';
import type { Policy } from '../../admin/schemas/resources.ts';
import { policyPath } from '../api/queries.ts';
import { DeleteDialog } from '../impact/delete-dialog.tsx';
import { strings } from '../strings.ts';
import { ModeDialog } from './mode-dialog.tsx';
import type { PolicyMode } from './policy-document.ts';
import { useChangeMode } from './policy-writes.ts';

const text = strings.policies;

export interface PolicyDialogs {
  readonly changeMode: (policy: Policy, mode: PolicyMode) => void;
  readonly remove: (policy: Policy) => void;
  /** The dialog that is open. */
  readonly shown: ReactNode;
}

type Open =
  | { readonly kind: 'mode'; readonly policy: Policy; readonly mode: PolicyMode }
  | { readonly kind: 'remove'; readonly policy: Policy };

export function usePolicyDialogs(onRemoved?: () => void): PolicyDialogs {
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  return {
    changeMode: (policy, mode) => setOpen({ kind: 'mode', policy, mode }),
    remove: (policy) => setOpen({ kind: 'remove', policy }),
    shown: open && (
      <>
        {open.kind === 'mode' && <ChangeMode policy={open.policy} mode={open.mode} onClose={close} />}
        {open.kind === 'remove' && (
          <DeleteDialog
            document={removedBy(open.policy)}
            path={policyPath(open.policy.metadata.namespace, open.policy.metadata.name)}
            words={text}
            onClose={close}
            onDone={() => {
              close();
              onRemoved?.();
            }}
          />
        )}
      </>
    ),
  };
}

function ChangeMode({
  policy,
  mode,
  onClose,
}: {
  readonly policy: Policy;
  readonly mode: PolicyMode;
  readonly onClose: () => void;
}) {
  const change = useChangeMode(onClose);
  const { apiVersion, kind, metadata, spec, facts } = policy;
  const { name, namespace } = metadata;
  return (
    <ModeDialog
      name={name}
      before={facts.mode}
      mode={mode}
      value={{
        apiVersion,
        kind,
        metadata: { name, ...(namespace !== undefined && { namespace }) },
        spec: { ...spec, mode },
      }}
      isPending={change.isPending}
      error={change.error}
      onConfirm={() => change.mutate({ policy, mode })}
      onClose={onClose}
    />
  );
}

function removedBy({ kind, metadata: { name, namespace } }: Policy) {
  return {
    kind: kind === 'SigningPolicy' ? ('SigningPolicy' as const) : ('ClusterSigningPolicy' as const),
    name,
    ...(namespace !== undefined && { namespace }),
  };
}
