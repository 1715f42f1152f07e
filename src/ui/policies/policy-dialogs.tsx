import { Content } from '@patternfly/react-core';
import { useState, type ReactNode } from 'react';
import type { ImpactQuestion } from '../../admin/schemas/impact.ts';
import type { Policy } from '../../admin/schemas/resources.ts';
import { ImpactView } from '../impact/impact-view.tsx';
import { ConfirmDialog } from '../shared/confirm-dialog.tsx';
import { strings } from '../strings.ts';
import { ModeDialog } from './mode-dialog.tsx';
import type { PolicyMode } from './policy-document.ts';
import { useChangeMode, useDeletePolicy } from './policy-writes.ts';

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
          <Remove
            policy={open.policy}
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

function Remove({
  policy,
  onClose,
  onDone,
}: {
  readonly policy: Policy;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const remove = useDeletePolicy(onDone);
  const { kind, metadata } = policy;
  const { name, namespace } = metadata;
  const [question] = useState<ImpactQuestion>(() => ({
    change: {
      remove: {
        kind: kind === 'SigningPolicy' ? 'SigningPolicy' : 'ClusterSigningPolicy',
        name,
        ...(namespace !== undefined && { namespace }),
      },
    },
  }));
  return (
    <ConfirmDialog
      title={text.deleteTitle(name)}
      confirm={strings.app.delete}
      isDanger
      isPending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(policy)}
      onClose={onClose}
    >
      <Content component="p">{text.deleteBody}</Content>
      <ImpactView question={question} />
    </ConfirmDialog>
  );
}
