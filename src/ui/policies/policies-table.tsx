import { FormSelect, FormSelectOption, Label } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { Link, useNavigate } from 'react-router';
import type { Policy } from '../../admin/schemas/resources.ts';
import { usePermissions } from '../session/session.tsx';
import { ModeLabel } from '../shared/labels.tsx';
import { RowMenu } from '../shared/row-menu.tsx';
import { booleanAt, isRecord, listAt, numberAt, textAt, valueAt } from '../shared/values.ts';
import { strings } from '../strings.ts';
import type { PolicyDialogs } from './policy-dialogs.tsx';
import { MODES, policyRoute } from './policy-document.ts';

const text = strings.policies;
const { columns } = text;

export function PoliciesTable({
  policies,
  dialogs,
}: {
  readonly policies: readonly Policy[];
  readonly dialogs: PolicyDialogs;
}) {
  return (
    <Table aria-label={text.title} variant="compact" gridBreakPoint="grid-lg">
      <Thead>
        <Tr>
          <Th width={25}>{columns.name}</Th>
          <Th>{columns.mode}</Th>
          <Th>{columns.asks}</Th>
          <Th modifier="wrap">{columns.entries}</Th>
          <Th>{columns.state}</Th>
          <Th screenReaderText={strings.app.actions(text.title)} />
        </Tr>
      </Thead>
      <Tbody>
        {policies.map((policy) => (
          <PolicyRow
            key={`${policy.metadata.namespace ?? ''}/${policy.metadata.name}`}
            policy={policy}
            dialogs={dialogs}
          />
        ))}
      </Tbody>
    </Table>
  );
}

function PolicyRow({ policy, dialogs }: { readonly policy: Policy; readonly dialogs: PolicyDialogs }) {
  const { policies: grants } = usePermissions();
  const navigate = useNavigate();
  const { metadata, spec, facts } = policy;
  const { name, namespace } = metadata;
  const route = policyRoute(namespace, name);
  return (
    <Tr>
      <Td dataLabel={columns.name}>
        <Link to={route} className="cs-wrap">
          {name}
        </Link>
        <div className="cs-quiet cs-small cs-wrap">
          {namespace === undefined ? text.cluster : text.namespace(namespace)}
        </div>
      </Td>
      <Td dataLabel={columns.mode}>
        {grants.update ? (
          <FormSelect
            className="cs-mode"
            aria-label={text.changeMode(name)}
            value={facts.mode}
            onChange={(_, chosen) => {
              const mode = MODES.find((each) => each === chosen);
              if (mode !== undefined && mode !== facts.mode) dialogs.changeMode(policy, mode);
            }}
          >
            {MODES.map((mode) => (
              <FormSelectOption key={mode} value={mode} label={strings.modes[mode].name} />
            ))}
          </FormSelect>
        ) : (
          <ModeLabel mode={facts.mode} />
        )}
      </Td>
      <Td dataLabel={columns.asks}>
        <span className="cs-row">
          {asksOf(spec).map((ask) => (
            <Label key={ask} isCompact variant="outline">
              {ask}
            </Label>
          ))}
        </span>
      </Td>
      <Td dataLabel={columns.entries}>{facts.usableEntries}</Td>
      <Td dataLabel={columns.state}>
        <PolicyState policy={policy} />
      </Td>
      <Td isActionCell>
        <RowMenu
          name={name}
          actions={[
            ...(grants.update ? [{ label: strings.app.edit, onClick: () => void navigate(route) }] : []),
            ...(grants.delete
              ? [{ label: strings.signers.delete, onClick: () => dialogs.remove(policy), isDanger: true }]
              : []),
          ]}
        />
      </Td>
    </Tr>
  );
}

export function PolicyState({ policy: { problems, facts } }: { readonly policy: Policy }) {
  if (problems.length > 0) {
    return (
      <Label isCompact status="danger">
        {text.broken(problems.length)}
      </Label>
    );
  }
  if (facts.unusable.length > 0) {
    return (
      <Label isCompact status="warning" title={facts.unusable.join('\n')}>
        {text.partly(facts.unusable.length)}
      </Label>
    );
  }
  return (
    <Label isCompact status="success">
      {text.good}
    </Label>
  );
}

/** What a policy asks for, in a few words. */
function asksOf(spec: Policy['spec']): readonly string[] {
  const { asks } = text;
  const slsa = valueAt(spec, 'slsa');
  const attestations = listAt(spec, 'attestations').length;
  const revoked = listAt(spec, 'revokedDigests').length;
  return [
    ...((booleanAt(spec, 'requireSignature') ?? true)
      ? [asks.signature(numberAt(spec, 'threshold') ?? 1)]
      : []),
    ...(isRecord(slsa) ? [asks.slsa(numberAt(slsa, 'requiredLevel') ?? 0)] : []),
    ...(attestations > 0 ? [asks.attestation(attestations)] : []),
    ...(textAt(spec, 'tagPolicy') === 'RequireDigest' ? [asks.digest] : []),
    ...(revoked > 0 ? [asks.revoked(revoked)] : []),
  ];
}
