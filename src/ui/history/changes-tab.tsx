import { Button, Form } from '@patternfly/react-core';
import { ExpandableRowContent, Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState } from 'react';
import type { ChangeEntry } from '../../admin/schemas/history.ts';
import { DiffView } from '../shared/diff-view.tsx';
import { EmptyMessage, Loaded } from '../shared/states.tsx';
import { TextField } from '../shared/text-field.tsx';
import { Time } from '../shared/time.tsx';
import { strings } from '../strings.ts';
import { changeText } from './change-text.ts';
import { Pager } from './pager.tsx';
import { usePages } from './pages.ts';

const text = strings.history.changes;
const { columns } = text;
const COLUMN_COUNT = 5;

/** Who changed what. */
export function ChangesTab() {
  const [typed, setTyped] = useState({ actor: '', name: '' });
  const [filter, setFilter] = useState<Partial<typeof typed>>({});
  const { query, ...pager } = usePages<ChangeEntry>('changes', '/changes', filter);
  const apply = ({ actor, name }: typeof typed) =>
    setFilter({
      ...(actor.trim() !== '' && { actor: actor.trim() }),
      ...(name.trim() !== '' && { name: name.trim() }),
    });
  return (
    <div className="cs-stack">
      <Form
        aria-label={strings.history.filters.legend}
        onSubmit={(event) => {
          event.preventDefault();
          apply(typed);
        }}
      >
        <div className="cs-filters__row">
          <TextField
            label={text.actor}
            value={typed.actor}
            onChange={(actor) => setTyped({ ...typed, actor })}
          />
          <TextField label={text.name} value={typed.name} onChange={(name) => setTyped({ ...typed, name })} />
          <Button type="submit" variant="secondary" className="cs-fit cs-end">
            {strings.history.filters.apply}
          </Button>
        </div>
      </Form>
      <Pager {...pager} />
      <Loaded query={query} rows={8}>
        {({ items }) =>
          items.length === 0 ? (
            <EmptyMessage title={text.none} body={text.noneBody} />
          ) : (
            <ChangesTable changes={items} />
          )
        }
      </Loaded>
    </div>
  );
}

function ChangesTable({ changes }: { readonly changes: readonly ChangeEntry[] }) {
  const [open, setOpen] = useState<number>();
  return (
    <Table aria-label={strings.history.tabs.changes} variant="compact" gridBreakPoint="grid-lg">
      <Thead>
        <Tr>
          <Th screenReaderText={strings.app.details} />
          <Th>{columns.time}</Th>
          <Th width={25}>{columns.actor}</Th>
          <Th>{columns.action}</Th>
          <Th width={40}>{columns.subject}</Th>
        </Tr>
      </Thead>
      {changes.map((change, index) => (
        <ChangeRow
          key={change.id}
          change={change}
          index={index}
          isOpen={open === change.id}
          onToggle={() => setOpen(open === change.id ? undefined : change.id)}
        />
      ))}
    </Table>
  );
}

function ChangeRow({
  change,
  index,
  isOpen,
  onToggle,
}: {
  readonly change: ChangeEntry;
  readonly index: number;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}) {
  const { time, actor, action, kind, namespace, name, before, after } = change;
  const subject = `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;
  return (
    <Tbody isExpanded={isOpen}>
      <Tr>
        <Td expand={{ rowIndex: index, isExpanded: isOpen, onToggle, expandId: 'change' }} />
        <Td dataLabel={columns.time}>
          <Time at={time} form="short" />
        </Td>
        <Td dataLabel={columns.actor} className="cs-wrap">
          {actor}
        </Td>
        <Td dataLabel={columns.action}>{text.actions[action] ?? action}</Td>
        <Td id={`simple-node${index}`} dataLabel={columns.subject} className="cs-wrap">
          {subject}
        </Td>
      </Tr>
      {isOpen && (
        <Tr isExpanded>
          <Td colSpan={COLUMN_COUNT}>
            <ExpandableRowContent>
              <DiffView before={changeText(before)} after={changeText(after)} label={text.diff} />
            </ExpandableRowContent>
          </Td>
        </Tr>
      )}
    </Tbody>
  );
}
