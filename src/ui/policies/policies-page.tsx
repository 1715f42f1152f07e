import { SearchInput, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core';
import { SecurityIcon } from '@patternfly/react-icons/dist/esm/icons/security-icon';
import { useNavigate, useSearchParams } from 'react-router';
import type { Policy } from '../../admin/schemas/resources.ts';
import { isProblem } from '../api/problem.ts';
import { usePolicies } from '../api/queries.ts';
import { usePermissions } from '../session/session.tsx';
import { ActionButton } from '../shared/action-button.tsx';
import { SectionPage } from '../shared/section-page.tsx';
import { EmptyMessage, Loaded } from '../shared/states.tsx';
import { strings } from '../strings.ts';
import { NamespaceChoice } from './namespace-choice.tsx';
import { PoliciesTable } from './policies-table.tsx';
import { usePolicyDialogs, type PolicyDialogs } from './policy-dialogs.tsx';

const text = strings.policies;

export function PoliciesPage() {
  const [params, setParams] = useSearchParams();
  const { policies: grants } = usePermissions();
  const namespace = grants.read ? undefined : (params.get('namespace') ?? undefined);
  const policies = usePolicies(namespace);
  const navigate = useNavigate();
  const dialogs = usePolicyDialogs();
  const add = () => void navigate('/policies/new');
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
      {(namespace !== undefined || isProblem(policies.error, 'FORBIDDEN')) && (
        <NamespaceChoice namespace={namespace} onChoose={(chosen) => setParams({ namespace: chosen })} />
      )}
      <Loaded query={policies}>
        {({ items, isComplete }) => (
          <>
            {items.length === 0 ? (
              <EmptyMessage
                icon={SecurityIcon}
                title={text.empty}
                body={text.emptyBody}
                action={grants.create ? { label: text.add, onClick: add } : undefined}
              />
            ) : (
              <PoliciesList policies={items} dialogs={dialogs} />
            )}
            {!isComplete && namespace === undefined && <p className="cs-quiet">{strings.app.incomplete}</p>}
          </>
        )}
      </Loaded>
      {dialogs.shown}
    </SectionPage>
  );
}

function PoliciesList({
  policies,
  dialogs,
}: {
  readonly policies: readonly Policy[];
  readonly dialogs: PolicyDialogs;
}) {
  const [params, setParams] = useSearchParams();
  const search = params.get('search') ?? '';
  const setSearch = (next: string) =>
    setParams(
      (before) => {
        before.delete('search');
        if (next !== '') before.set('search', next);
        return before;
      },
      { replace: true },
    );
  const shown = policies.filter(({ metadata: { name, namespace } }) =>
    `${namespace ?? ''}/${name}`.includes(search.trim()),
  );
  return (
    <>
      <Toolbar>
        <ToolbarContent>
          <ToolbarItem className="cs-search">
            <SearchInput
              aria-label={text.search}
              placeholder={text.search}
              value={search}
              onChange={(_, next) => setSearch(next)}
              onClear={() => setSearch('')}
            />
          </ToolbarItem>
        </ToolbarContent>
      </Toolbar>
      {shown.length === 0 ? (
        <EmptyMessage title={text.noneFound} body={text.noneFoundBody} />
      ) : (
        <PoliciesTable policies={shown} dialogs={dialogs} />
      )}
    </>
  );
}
