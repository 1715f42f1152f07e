import { useState } from 'react';
import type { Exception } from '../../admin/schemas/resources.ts';
import { useExceptions } from '../api/queries.ts';
import { segment } from '../api/http.ts';
import { DeleteDialog } from '../impact/delete-dialog.tsx';
import { usePermissions } from '../session/session.tsx';
import { ActionButton } from '../shared/action-button.tsx';
import { SectionPage } from '../shared/section-page.tsx';
import { EmptyMessage, Loaded } from '../shared/states.tsx';
import { strings } from '../strings.ts';
import { ExceptionDialog } from './exception-dialog.tsx';
import { ExceptionsTable } from './exceptions-table.tsx';

const text = strings.exceptions;

export function ExceptionsPage() {
  const exceptions = useExceptions();
  const { exceptions: grants } = usePermissions();
  const [isAdding, setAdding] = useState(false);
  const [removed, setRemoved] = useState<Exception>();
  const add = () => setAdding(true);
  return (
    <SectionPage
      title={text.title}
      lead={`${text.lead} ${text.immutable}`}
      actions={
        <ActionButton isAllowed={grants.create} onClick={add}>
          {text.add}
        </ActionButton>
      }
    >
      <Loaded query={exceptions}>
        {({ items, isComplete }) => (
          <>
            {items.length === 0 ? (
              <EmptyMessage
                title={text.empty}
                body={text.emptyBody}
                action={grants.create ? { label: text.add, onClick: add } : undefined}
              />
            ) : (
              <ExceptionsTable exceptions={items} onDelete={grants.delete ? setRemoved : undefined} />
            )}
            {!isComplete && <p className="cs-quiet">{strings.app.incomplete}</p>}
          </>
        )}
      </Loaded>
      {isAdding && <ExceptionDialog onClose={() => setAdding(false)} />}
      {removed !== undefined && (
        <DeleteDialog
          document={{ kind: 'SigningException', name: removed.metadata.name }}
          path={`/exceptions/${segment(removed.metadata.name)}`}
          words={text}
          isHarmless={removed.facts.state !== 'active'}
          onClose={() => setRemoved(undefined)}
        />
      )}
    </SectionPage>
  );
}
