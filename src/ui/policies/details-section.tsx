import { Checkbox, FormSection } from '@patternfly/react-core';
import { useTrustRoots } from '../api/queries.ts';
import { ChoiceField } from '../shared/choice-field.tsx';
import { ListField } from '../shared/list-field.tsx';
import { TextField } from '../shared/text-field.tsx';
import { booleanAt, textAt, textsAt } from '../shared/values.ts';
import { strings } from '../strings.ts';
import { orNothing, type FormPart } from './form-part.ts';

const text = strings.policies.fields;

export function DetailsSection(part: FormPart) {
  const { value, edit, problems, isReadOnly } = part;
  const roots = useTrustRoots();
  return (
    <FormSection title={text.details} titleElement="h2">
      <Kinds part={part} field="tagPolicy" label={text.tagPolicy} kinds={text.tagPolicies} />
      <Kinds part={part} field="multiArch" label={text.multiArch} kinds={text.multiArchKinds} />
      <Checkbox
        id="policy-accept-membership"
        label={text.acceptMembership}
        isChecked={booleanAt(value, 'spec', 'acceptMembership') ?? false}
        isDisabled={isReadOnly}
        onChange={(_, checked) => edit([[['spec', 'acceptMembership'], checked ? true : undefined]])}
      />
      <ChoiceField
        label={text.trustRoot}
        value={textAt(value, 'spec', 'trustRootRef', 'name') ?? ''}
        isDisabled={isReadOnly}
        choices={[
          { value: '', label: text.trustRootDefault },
          ...(roots.data?.items ?? []).map(({ metadata: { name } }) => ({ value: name, label: name })),
        ]}
        problems={problems(['spec', 'trustRootRef'])}
        onChange={(name) => edit([[['spec', 'trustRootRef', 'name'], name === '' ? undefined : name]])}
      />
      <TextField
        label={text.signatureRepository}
        help={text.signatureRepositoryHelp}
        value={textAt(value, 'spec', 'signatureRepository') ?? ''}
        isCode
        isReadOnly={isReadOnly}
        problems={problems(['spec', 'signatureRepository'])}
        onChange={(typed) => edit([[['spec', 'signatureRepository'], typed === '' ? undefined : typed]])}
      />
      <ListField
        label={text.revokedDigests}
        help={text.revokedDigestsHelp}
        value={textsAt(value, 'spec', 'revokedDigests')}
        isReadOnly={isReadOnly}
        problems={problems(['spec', 'revokedDigests'])}
        onChange={(digests) => edit([[['spec', 'revokedDigests'], orNothing(digests)]])}
      />
    </FormSection>
  );
}

/** A field with a few values, of which the first is the default. */
function Kinds({
  part: { value, edit, problems, isReadOnly },
  field,
  label,
  kinds,
}: {
  readonly part: FormPart;
  readonly field: 'tagPolicy' | 'multiArch';
  readonly label: string;
  readonly kinds: Readonly<Record<string, string>>;
}) {
  return (
    <ChoiceField
      label={label}
      value={textAt(value, 'spec', field) ?? Object.keys(kinds)[0] ?? ''}
      isDisabled={isReadOnly}
      choices={Object.entries(kinds).map(([kind, words]) => ({ value: kind, label: words }))}
      problems={problems(['spec', field])}
      onChange={(kind) => edit([[['spec', field], kind]])}
    />
  );
}
