import { ExpandableRowContent, Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState } from 'react';
import type { VerificationEntry } from '../../admin/schemas/history.ts';
import { DecisionLabel, VerdictLabel } from '../shared/labels.tsx';
import { Time } from '../shared/time.tsx';
import { strings } from '../strings.ts';
import { VerificationDetails } from './verification-details.tsx';

const text = strings.history;
const { columns } = text;
const COLUMN_COUNT = 7;

export function VerificationsTable({ rows }: { readonly rows: readonly VerificationEntry[] }) {
  const [open, setOpen] = useState<number>();
  return (
    <Table aria-label={text.title} variant="compact" gridBreakPoint="grid-lg">
      <Thead>
        <Tr>
          <Th screenReaderText={strings.app.details} />
          <Th>{columns.time}</Th>
          <Th width={20}>{columns.verdict}</Th>
          <Th width={25}>{columns.image}</Th>
          <Th width={15}>{columns.policy}</Th>
          <Th width={15}>{columns.workload}</Th>
          <Th>{columns.decision}</Th>
        </Tr>
      </Thead>
      {rows.map((row, index) => (
        <VerificationRow
          key={row.id}
          row={row}
          index={index}
          isOpen={open === row.id}
          onToggle={() => setOpen(open === row.id ? undefined : row.id)}
        />
      ))}
    </Table>
  );
}

function VerificationRow({
  row,
  index,
  isOpen,
  onToggle,
}: {
  readonly row: VerificationEntry;
  readonly index: number;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}) {
  const { time, verdict, image, code, policy, decision } = row;
  return (
    <Tbody isExpanded={isOpen}>
      <Tr>
        <Td expand={{ rowIndex: index, isExpanded: isOpen, onToggle, expandId: 'verification' }} />
        <Td dataLabel={columns.time}>
          <Time at={time} form="short" />
        </Td>
        <Td dataLabel={columns.verdict}>
          <VerdictLabel verdict={verdict} />
          {code !== undefined && <div className="cs-code cs-quiet cs-wrap">{code}</div>}
        </Td>
        <Td id={`simple-node${index}`} dataLabel={columns.image} className="cs-wrap">
          <div className="cs-clamp" title={image}>
            {image}
          </div>
        </Td>
        <Td dataLabel={columns.policy} className="cs-wrap">
          {nameOfPolicy(policy)}
        </Td>
        <Td dataLabel={columns.workload} className="cs-wrap">
          {workloadOf(row)}
        </Td>
        <Td dataLabel={columns.decision}>
          <DecisionLabel isAdmitted={decision === 'admitted'} />
        </Td>
      </Tr>
      {isOpen && (
        <Tr isExpanded>
          <Td colSpan={COLUMN_COUNT}>
            <ExpandableRowContent>
              <VerificationDetails row={row} />
            </ExpandableRowContent>
          </Td>
        </Tr>
      )}
    </Tbody>
  );
}

/** Where somebody only asked, there is none. */
function workloadOf({ operation, kind, namespace, name }: VerificationEntry): string {
  const place = namespace === '' ? '' : `${namespace}/`;
  return operation === 'VERIFY' ? text.onlyAsked(namespace) : `${kind} ${place}${name}`;
}

/** Of a ClusterSigningPolicy, which most are, the name alone. */
function nameOfPolicy(policy: string): string {
  return policy.replace(/^(?:ClusterSigningPolicy|SigningPolicy)\//, '');
}
