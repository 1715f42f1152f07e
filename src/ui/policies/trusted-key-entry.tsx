import { Button } from '@patternfly/react-core';
import { TrashIcon } from '@patternfly/react-icons/dist/esm/icons/trash-icon';
import { useSigners } from '../api/queries.ts';
import { ChoiceField } from '../shared/choice-field.tsx';
import { PairsField } from '../shared/list-field.tsx';
import { LinesField, TextField } from '../shared/text-field.tsx';
import { pairsAt, textAt, valueAt } from '../shared/values.ts';
import { MatcherField } from '../signers/matcher-field.tsx';
import { strings } from '../strings.ts';
import type { FormPart } from './form-part.ts';
import { emptyEntry, ENTRY_KINDS, entryKind } from './trusted-key.ts';

const text = strings.policies.fields;
const signerText = strings.signers.form;

interface EntryProps {
  readonly part: FormPart;
  readonly index: number;
  readonly entry: unknown;
}

/** One entry of `trustedKeys`. */
export function TrustedKeyEntry({ part, index, entry }: EntryProps) {
  const { value, edit, isReadOnly } = part;
  const kind = entryKind(entry);
  const isNamespaced = textAt(value, 'kind') === 'SigningPolicy';
  const kinds = ENTRY_KINDS.filter((each) => !isNamespaced || !['signerSelector', 'keyRef'].includes(each));
  return (
    <fieldset className="cs-entry" aria-label={text.entry(index + 1)}>
      <div className="cs-row cs-row--apart">
        <strong>{text.entry(index + 1)}</strong>
        {!isReadOnly && (
          <Button
            variant="plain"
            icon={<TrashIcon />}
            aria-label={text.removeSigner(index + 1)}
            onClick={() => edit([[['spec', 'trustedKeys', index], undefined]])}
          />
        )}
      </div>
      <ChoiceField
        label={text.entryKind}
        value={kind}
        isDisabled={isReadOnly}
        choices={kinds.map((each) => ({ value: each, label: text.entryKinds[each] }))}
        onChange={(chosen) => edit([[['spec', 'trustedKeys', index], emptyEntry(chosen)]])}
      />
      {kind === 'signerRef' && <SignerChoice part={part} index={index} entry={entry} />}
      {kind === 'keyless' && <KeylessEntry part={part} index={index} entry={entry} />}
      {(kind === 'signerSelector' || kind === 'publicKey' || kind === 'keyRef') && (
        <OtherEntry part={part} index={index} entry={entry} kind={kind} />
      )}
    </fieldset>
  );
}

function SignerChoice({ part: { edit, problems, isReadOnly }, index, entry }: EntryProps) {
  const signers = useSigners();
  const path = ['spec', 'trustedKeys', index];
  return (
    <ChoiceField
      label={text.signerRef}
      value={textAt(entry, 'signerRef', 'name') ?? ''}
      isDisabled={isReadOnly}
      choices={[
        { value: '', label: text.chooseSigner },
        ...(signers.data?.items ?? []).map(({ metadata: { name }, facts: { state } }) => ({
          value: name,
          label: state === 'active' ? name : `${name} (${strings.signers.states[state]})`,
        })),
      ]}
      problems={problems(path)}
      onChange={(name) => edit([[[...path, 'signerRef', 'name'], name]])}
    />
  );
}

function KeylessEntry({ part: { edit, problems }, index, entry }: EntryProps) {
  const path = ['spec', 'trustedKeys', index];
  return (['issuer', 'subject'] as const).map((field) => {
    const pattern = textAt(entry, `${field}RegExp`);
    return (
      <MatcherField
        key={field}
        label={signerText[field]}
        help={field === 'issuer' ? signerText.issuerHelp : signerText.subjectHelp}
        value={
          pattern === undefined
            ? { how: 'exact', text: textAt(entry, field) ?? '' }
            : { how: 'pattern', text: pattern }
        }
        problems={[...problems([...path, field]), ...problems([...path, `${field}RegExp`])]}
        onChange={({ how, text: typed }) =>
          edit([
            [[...path, field], how === 'exact' ? typed : undefined],
            [[...path, `${field}RegExp`], how === 'pattern' ? typed : undefined],
          ])
        }
      />
    );
  });
}

function OtherEntry({
  part: { edit, problems, isReadOnly },
  index,
  entry,
  kind,
}: EntryProps & { readonly kind: 'signerSelector' | 'publicKey' | 'keyRef' }) {
  const path = ['spec', 'trustedKeys', index];
  switch (kind) {
    case 'signerSelector':
      return (
        <PairsField
          label={text.signerSelector}
          value={pairsAt(entry, 'signerSelector', 'matchLabels')}
          isReadOnly={isReadOnly}
          problems={problems(path)}
          onChange={(labels) => edit([[[...path, 'signerSelector', 'matchLabels'], labels]])}
        />
      );
    case 'publicKey':
      return (
        <LinesField
          label={signerText.pem}
          help={
            valueAt(entry, 'publicKey', 'secretRef') === undefined ? signerText.pemHelp : signerText.secretRef
          }
          value={textAt(entry, 'publicKey', 'pem') ?? ''}
          isReadOnly={isReadOnly}
          problems={problems(path)}
          onChange={(pem) => edit([[[...path, 'publicKey', 'pem'], pem]])}
        />
      );
    case 'keyRef':
      return (
        <TextField
          label={signerText.uri}
          help={signerText.uriHelp}
          value={textAt(entry, 'keyRef', 'uri') ?? ''}
          isCode
          isReadOnly={isReadOnly}
          problems={problems(path)}
          onChange={(uri) => edit([[[...path, 'keyRef', 'uri'], uri]])}
        />
      );
  }
}
