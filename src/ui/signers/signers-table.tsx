import { Switch } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr, type ThProps } from '@patternfly/react-table';
import { Link } from 'react-router';
import type { Signer } from '../../admin/schemas/resources.ts';
import { usePermissions } from '../session/session.tsx';
import { SignerStateLabel } from '../shared/labels.tsx';
import { RowMenu } from '../shared/row-menu.tsx';
import { Time } from '../shared/time.tsx';
import { textAt } from '../shared/values.ts';
import { strings } from '../strings.ts';
import { signerActions } from './signer-actions.ts';
import type { SignerColumn } from './signer-order.ts';
import type { Ending } from './signer-writes.ts';

const text = strings.signers;
const { columns } = text;
const ORDERED: readonly SignerColumn[] = ['name', 'state', 'expires', 'lastUsed'];

export interface SignerOrder {
  readonly column: SignerColumn;
  readonly isDescending: boolean;
}

export interface SignerHandlers {
  readonly onEdit: (signer: Signer) => void;
  readonly onEnable: (signer: Signer) => void;
  readonly onEnd: (signer: Signer, ending: Ending) => void;
}

export function SignersTable({
  signers,
  order,
  onOrder,
  ...handlers
}: {
  readonly signers: readonly Signer[];
  readonly order: SignerOrder;
  readonly onOrder: (order: SignerOrder) => void;
} & SignerHandlers) {
  const sort = (column: SignerColumn): NonNullable<ThProps['sort']> => ({
    columnIndex: ORDERED.indexOf(column),
    sortBy: { index: ORDERED.indexOf(order.column), direction: order.isDescending ? 'desc' : 'asc' },
    onSort: (_, __, direction) => onOrder({ column, isDescending: direction === 'desc' }),
  });
  return (
    <Table aria-label={text.title} variant="compact" gridBreakPoint="grid-lg">
      <Thead>
        <Tr>
          <Th width={20} sort={sort('name')}>
            {columns.name}
          </Th>
          <Th sort={sort('state')}>{columns.state}</Th>
          <Th width={30}>{columns.identity}</Th>
          <Th modifier="wrap">{columns.usedBy}</Th>
          <Th sort={sort('expires')}>{columns.expires}</Th>
          <Th modifier="wrap" sort={sort('lastUsed')}>
            {columns.lastUsed}
          </Th>
          <Th>{columns.enabled}</Th>
          <Th screenReaderText={strings.app.actions(text.title)} />
        </Tr>
      </Thead>
      <Tbody>
        {signers.map((signer) => (
          <SignerRow key={signer.metadata.name} signer={signer} {...handlers} />
        ))}
      </Tbody>
    </Table>
  );
}

function SignerRow({ signer, onEdit, onEnable, onEnd }: { readonly signer: Signer } & SignerHandlers) {
  const { signers: grants } = usePermissions();
  const { metadata, spec, facts } = signer;
  const { name } = metadata;
  const expiresAt = textAt(spec, 'expiresAt');
  const isOn = spec['enabled'] !== false;
  const actions = signerActions(signer, grants, {
    edit: () => onEdit(signer),
    enable: () => onEnable(signer),
    end: (ending) => onEnd(signer, ending),
  });
  return (
    <Tr>
      <Td dataLabel={columns.name}>
        <Link to={`/signers/${encodeURIComponent(name)}`} className="cs-wrap">
          {name}
        </Link>
        <div className="cs-quiet cs-small cs-clamp">{textAt(spec, 'description')}</div>
      </Td>
      <Td dataLabel={columns.state}>
        <SignerStateLabel state={facts.state} />
      </Td>
      <Td dataLabel={columns.identity}>
        <div className="cs-quiet cs-small">{text.types[facts.type]}</div>
        <div className="cs-code cs-clamp" title={facts.identity}>
          {telling(facts)}
        </div>
      </Td>
      <Td dataLabel={columns.usedBy}>{text.policies(facts.usedBy.length)}</Td>
      <Td dataLabel={columns.expires}>
        {expiresAt === undefined ? text.never : <Time at={expiresAt} form="date" />}
      </Td>
      <Td dataLabel={columns.lastUsed}>
        {facts.lastUsedAt === undefined ? strings.app.none : <Time at={facts.lastUsedAt} form="relative" />}
      </Td>
      <Td dataLabel={columns.enabled}>
        <Switch
          id={`signer-${name}`}
          aria-label={text.switchLabel(name)}
          isChecked={isOn}
          isDisabled={!grants.update}
          onChange={() => (isOn ? onEnd(signer, 'revoke') : onEnable(signer))}
        />
      </Td>
      <Td isActionCell>
        <RowMenu name={name} actions={actions} />
      </Td>
    </Tr>
  );
}

/** What tells it from its neighbours comes first: there is room for two lines, and many share an issuer. */
function telling({ type, identity }: Signer['facts']): string {
  return type === 'keyless' ? identity.split(' ').toReversed().join(' ') : identity;
}
