import { KeyIcon } from '@patternfly/react-icons/dist/esm/icons/key-icon';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import type { Signer } from '../../admin/schemas/resources.ts';
import { useSigners } from '../api/queries.ts';
import { usePermissions } from '../session/session.tsx';
import { ActionButton } from '../shared/action-button.tsx';
import { SectionPage } from '../shared/section-page.tsx';
import { EmptyMessage, Loaded } from '../shared/states.tsx';
import { strings } from '../strings.ts';
import { useSignerDialogs, type SignerDialogs } from './signer-dialogs.tsx';
import { signersToShow, type SignerFilter } from './signer-order.ts';
import { SignersTable, type SignerOrder } from './signers-table.tsx';
import { isSignerState, SignersToolbar } from './signers-toolbar.tsx';

const text = strings.signers;

export function SignersPage() {
  const signers = useSigners();
  const { signers: grants } = usePermissions();
  const dialogs = useSignerDialogs();
  return (
    <SectionPage
      title={text.title}
      lead={text.lead}
      actions={
        <ActionButton isAllowed={grants.create} onClick={dialogs.add}>
          {text.add}
        </ActionButton>
      }
    >
      <Loaded query={signers}>
        {({ items, isComplete }) => (
          <>
            {items.length === 0 ? (
              <EmptyMessage
                icon={KeyIcon}
                title={text.empty}
                body={text.emptyBody}
                action={grants.create ? { label: text.add, onClick: dialogs.add } : undefined}
              />
            ) : (
              <SignersList signers={items} dialogs={dialogs} />
            )}
            {!isComplete && <p className="cs-quiet">{strings.app.incomplete}</p>}
          </>
        )}
      </Loaded>
      {dialogs.shown}
    </SectionPage>
  );
}

function SignersList({
  signers,
  dialogs,
}: {
  readonly signers: readonly Signer[];
  readonly dialogs: SignerDialogs;
}) {
  const [params, setParams] = useSearchParams();
  const [order, setOrder] = useState<SignerOrder>({ column: 'name', isDescending: false });
  const state = params.get('state');
  const filter: SignerFilter = {
    search: params.get('search') ?? '',
    state: isSignerState(state) ? state : undefined,
  };
  const setFilter = (next: SignerFilter) =>
    setParams(
      {
        ...(next.search !== '' && { search: next.search }),
        ...(next.state !== undefined && { state: next.state }),
      },
      { replace: true },
    );
  const shown = signersToShow(signers, filter, order.column, order.isDescending);
  return (
    <>
      <SignersToolbar filter={filter} onChange={setFilter} />
      {shown.length === 0 ? (
        <EmptyMessage
          title={text.noneFound}
          body={text.noneFoundBody}
          action={{ label: text.clear, onClick: () => setFilter({ search: '', state: undefined }) }}
        />
      ) : (
        <SignersTable
          signers={shown}
          order={order}
          onOrder={setOrder}
          onEdit={dialogs.edit}
          onEnable={dialogs.enable}
          onEnd={dialogs.end}
        />
      )}
    </>
  );
}
