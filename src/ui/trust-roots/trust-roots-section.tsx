import { Content } from '@patternfly/react-core';
import { useState } from 'react';
import type { ImpactQuestion } from '../../admin/schemas/impact.ts';
import type { TrustRootDocument } from '../../admin/schemas/resources.ts';
import { call, segment } from '../api/http.ts';
import { useTrustRoots } from '../api/queries.ts';
import { useWrite } from '../api/writes.ts';
import { ImpactView } from '../impact/impact-view.tsx';
import { usePermissions } from '../session/session.tsx';
import { ActionButton } from '../shared/action-button.tsx';
import { ConfirmDialog } from '../shared/confirm-dialog.tsx';
import { SectionPage } from '../shared/section-page.tsx';
import { EmptyMessage, Loaded } from '../shared/states.tsx';
import { strings } from '../strings.ts';
import { TrustRootDialog } from './trust-root-dialog.tsx';
import { TrustRootsTable } from './trust-roots-table.tsx';

const text = strings.trustRoots;

type Open =
  | { readonly kind: 'document'; readonly root: TrustRootDocument | undefined }
  | { readonly kind: 'remove'; readonly root: TrustRootDocument };

export function TrustRootsSection() {
  const roots = useTrustRoots();
  const { trustRoots: grants } = usePermissions();
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  const add = () => setOpen({ kind: 'document', root: undefined });
  return (
    <SectionPage
      title={text.title}
      lead={text.lead}
      actions={
        <ActionButton isAllowed={grants.create} onClick={add}>
          {text.add}
        </ActionButton>
      }
    >
      <Loaded query={roots}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyMessage title={text.empty} body={text.emptyBody} />
          ) : (
            <TrustRootsTable
              roots={items}
              grants={grants}
              onOpen={(root) => setOpen({ kind: 'document', root })}
              onRemove={(root) => setOpen({ kind: 'remove', root })}
            />
          )
        }
      </Loaded>
      {open?.kind === 'document' && (
        <TrustRootDialog
          root={open.root}
          isAllowed={open.root === undefined ? grants.create : grants.update && !isFixed(open.root)}
          onClose={close}
        />
      )}
      {open?.kind === 'remove' && <RemoveDialog root={open.root} onClose={close} />}
    </SectionPage>
  );
}

/** What is part of the program and stored nowhere. */
function isFixed({ facts, metadata }: TrustRootDocument): boolean {
  return facts.builtIn && metadata.uid === undefined;
}

function RemoveDialog({ root, onClose }: { readonly root: TrustRootDocument; readonly onClose: () => void }) {
  const { name } = root.metadata;
  const [question] = useState<ImpactQuestion>(() => ({ change: { remove: { kind: 'TrustRoot', name } } }));
  const remove = useWrite<string>({
    write: () => call('DELETE', `/trust-roots/${segment(name)}`),
    said: text.deleted,
    onDone: onClose,
  });
  return (
    <ConfirmDialog
      title={text.deleteTitle(name)}
      confirm={strings.app.delete}
      isDanger
      isPending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(name)}
      onClose={onClose}
    >
      <Content component="p">{text.deleteBody}</Content>
      <ImpactView question={question} />
    </ConfirmDialog>
  );
}
