import { Button } from '@patternfly/react-core';
import { useSearchParams } from 'react-router';
import type { VerificationEntry } from '../../admin/schemas/history.ts';
import { urlOf } from '../api/http.ts';
import { EmptyMessage, Loaded } from '../shared/states.tsx';
import { strings } from '../strings.ts';
import { FilterForm } from './filter-form.tsx';
import { filterFrom, NO_FILTER, queryOf } from './filters.ts';
import { Pager } from './pager.tsx';
import { usePages } from './pages.ts';
import { VerificationsTable } from './verifications-table.tsx';

const text = strings.history;

export function VerificationsTab() {
  const [params, setParams] = useSearchParams();
  const filter = filterFrom(params);
  const query = queryOf(filter);
  const { query: page, ...pager } = usePages<VerificationEntry>('verifications', '/verifications', query);
  const apply = (next: typeof filter) =>
    setParams(
      Object.fromEntries(Object.entries(queryOf(next)).map(([name, value]) => [name, String(value)])),
    );
  return (
    <div className="cs-stack">
      <FilterForm filter={filter} onApply={apply} />
      <div className="cs-row cs-row--apart">
        <Pager {...pager} />
        <div className="cs-row">
          {(['csv', 'json'] as const).map((format) => (
            <Button
              key={format}
              component="a"
              variant="link"
              isInline
              href={urlOf('/verifications/export', { ...query, format })}
              download
            >
              {format === 'csv' ? text.exportCsv : text.exportJson}
            </Button>
          ))}
        </div>
      </div>
      <Loaded query={page} rows={10}>
        {({ items, next }) =>
          items.length === 0 && next === undefined ? (
            <EmptyMessage
              title={text.none}
              body={text.noneBody}
              action={{ label: text.filters.clear, onClick: () => apply(NO_FILTER) }}
            />
          ) : (
            <VerificationsTable rows={items} />
          )
        }
      </Loaded>
    </div>
  );
}
