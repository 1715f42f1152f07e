import { useState } from 'react';
import type { TrustRootDocument } from '../../admin/schemas/resources.ts';
import { segment } from '../api/http.ts';
import { useTrustRoots } from '../api/queries.ts';
import { DeleteDialog } from '../impact/delete-dialog.tsx';
import { usePermissions } from '../session/session.tsx';
import { ActionButton } from '../shared/action-button.tsx';
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
      {open?.kind === 'remove' && (
        <DeleteDialog
          document={{ kind: 'TrustRoot', name: open.root.metadata.name }}
          path={`/trust-roots/${segment(open.root.metadata.name)}`}
          words={text}
          onClose={close}
        />
      )}
    </SectionPage>
  );
}

/** What is part of the program and stored nowhere. */
function isFixed({ facts, metadata }: TrustRootDocument): boolean {
  return facts.builtIn && metadata.uid === undefined;
}
