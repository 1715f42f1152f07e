import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import type { Exception } from '../../admin/schemas/resources.ts';
import { StateLabel } from '../shared/labels.tsx';
import { RowMenu } from '../shared/row-menu.tsx';
import { Time } from '../shared/time.tsx';
import { textAt, textsAt } from '../shared/values.ts';
import { strings } from '../strings.ts';

const text = strings.exceptions;
const { columns } = text;

export function ExceptionsTable({
  exceptions,
  onDelete,
}: {
  readonly exceptions: readonly Exception[];
  /** Undefined = not allowed. */
  readonly onDelete: ((exception: Exception) => void) | undefined;
}) {
  return (
    <Table aria-label={text.title} variant="compact" gridBreakPoint="grid-lg">
      <Thead>
        <Tr>
          <Th width={15}>{columns.name}</Th>
          <Th>{columns.state}</Th>
          <Th>{columns.left}</Th>
          <Th width={15}>{columns.namespaces}</Th>
          <Th width={20}>{columns.images}</Th>
          <Th width={25}>{columns.reason}</Th>
          <Th screenReaderText={strings.app.actions(text.title)} />
        </Tr>
      </Thead>
      <Tbody>
        {exceptions.map((exception) => (
          <ExceptionRow key={exception.metadata.name} exception={exception} onDelete={onDelete} />
        ))}
      </Tbody>
    </Table>
  );
}

function ExceptionRow({
  exception,
  onDelete,
}: {
  readonly exception: Exception;
  readonly onDelete: ((exception: Exception) => void) | undefined;
}) {
  const { metadata, spec, facts, problems, warnings } = exception;
  const { name } = metadata;
  const policies = textsAt(spec, 'policies');
  return (
    <Tr>
      <Td dataLabel={columns.name} className="cs-wrap">
        {name}
      </Td>
      <Td dataLabel={columns.state}>
        <StateLabel state={facts.state}>{text.states[facts.state]}</StateLabel>
      </Td>
      <Td dataLabel={columns.left}>
        <Time at={textAt(spec, 'expiresAt') ?? ''} form="relative" />
      </Td>
      <Td dataLabel={columns.namespaces} className="cs-wrap">
        {textsAt(spec, 'namespaces').join(', ')}
      </Td>
      <Td dataLabel={columns.images} className="cs-wrap">
        {textsAt(spec, 'images').map((image) => (
          <div key={image} className="cs-code">
            {image}
          </div>
        ))}
        <div className="cs-quiet cs-small">
          {policies.length === 0 ? text.everyPolicy : `${columns.policies}: ${policies.join(', ')}`}
        </div>
      </Td>
      <Td dataLabel={columns.reason} className="cs-wrap">
        {textAt(spec, 'reason')}
        {problems.map(({ field, message }) => (
          <div key={`${field} ${message}`}>
            {field}: {message}
          </div>
        ))}
        {facts.state === 'active' &&
          warnings.map((warning) => (
            <div key={warning} className="cs-quiet cs-small">
              {warning}
            </div>
          ))}
      </Td>
      <Td isActionCell>
        <RowMenu
          name={name}
          actions={
            onDelete === undefined
              ? []
              : [{ label: strings.signers.delete, onClick: () => onDelete(exception), isDanger: true }]
          }
        />
      </Td>
    </Tr>
  );
}
