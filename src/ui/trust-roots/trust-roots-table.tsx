import { Button, Label } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import type { TrustRootDocument } from '../../admin/schemas/resources.ts';
import type { Permissions } from '../../admin/schemas/session.ts';
import { StateLabel } from '../shared/labels.tsx';
import { RowMenu } from '../shared/row-menu.tsx';
import { Time } from '../shared/time.tsx';
import { strings } from '../strings.ts';

const text = strings.trustRoots;
const { columns } = text;

interface TableProps {
  readonly grants: Permissions['trustRoots'];
  readonly onOpen: (root: TrustRootDocument) => void;
  readonly onRemove: (root: TrustRootDocument) => void;
}

export function TrustRootsTable({
  roots,
  ...props
}: TableProps & { readonly roots: readonly TrustRootDocument[] }) {
  return (
    <Table aria-label={text.title} variant="compact" gridBreakPoint="grid-lg">
      <Thead>
        <Tr>
          <Th width={20}>{columns.name}</Th>
          <Th width={25}>{columns.state}</Th>
          <Th>{columns.kind}</Th>
          <Th width={20}>{columns.fingerprint}</Th>
          <Th modifier="wrap">{columns.refreshed}</Th>
          <Th modifier="wrap">{columns.usedBy}</Th>
          <Th screenReaderText={strings.app.actions(text.title)} />
        </Tr>
      </Thead>
      <Tbody>
        {roots.map((root) => (
          <TrustRootRow key={root.metadata.name} root={root} {...props} />
        ))}
      </Tbody>
    </Table>
  );
}

function TrustRootRow({ root, grants, onOpen, onRemove }: TableProps & { readonly root: TrustRootDocument }) {
  const { metadata, facts, spec } = root;
  const { name } = metadata;
  const kind =
    (['trustedRoot', 'publicGood', 'tuf'] as const).find((each) => spec[each] !== undefined) ?? 'unknown';
  return (
    <Tr>
      <Td dataLabel={columns.name}>
        <Button variant="link" isInline className="cs-wrap" onClick={() => onOpen(root)}>
          {name}
        </Button>{' '}
        {facts.builtIn && (
          <Label isCompact variant="outline">
            {text.builtIn}
          </Label>
        )}
      </Td>
      <Td dataLabel={columns.state}>
        <StateLabel state={facts.state}>{text.states[facts.state]}</StateLabel>
        <div className="cs-quiet cs-small cs-wrap">{facts.detail}</div>
      </Td>
      <Td dataLabel={columns.kind}>{text.kinds[kind]}</Td>
      <Td dataLabel={columns.fingerprint}>
        <div className="cs-code cs-clamp" title={facts.fingerprint}>
          {facts.fingerprint ?? strings.app.none}
        </div>
      </Td>
      <Td dataLabel={columns.refreshed}>
        {facts.refreshedAt === undefined ? strings.app.none : <Time at={facts.refreshedAt} form="relative" />}
      </Td>
      <Td dataLabel={columns.usedBy}>{text.users(facts.usedBy.length)}</Td>
      <Td isActionCell>
        <RowMenu
          name={name}
          actions={[
            { label: grants.update ? strings.app.edit : text.view, onClick: () => onOpen(root) },
            ...(grants.delete && !(facts.builtIn && metadata.uid === undefined)
              ? [{ label: text.delete, onClick: () => onRemove(root), isDanger: true }]
              : []),
          ]}
        />
      </Td>
    </Tr>
  );
}
