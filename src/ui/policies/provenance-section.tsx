import { FormSection, Switch } from '@patternfly/react-core';
import { ChoiceField } from '../shared/choice-field.tsx';
import { ListField } from '../shared/list-field.tsx';
import { isRecord, listAt, numberAt, textAt, textsAt, valueAt } from '../shared/values.ts';
import { strings } from '../strings.ts';
import { orNothing, type FormPart } from './form-part.ts';
import { keptByKey } from './kept-by-key.ts';

const text = strings.policies.fields;
const LEVELS = ['1', '2', '3'] as const;

/** How images must have been built. */
export function ProvenanceSection(part: FormPart) {
  const { value, edit, problems, isReadOnly } = part;
  const slsa = valueAt(value, 'spec', 'slsa');
  return (
    <FormSection title={text.provenance} titleElement="h2">
      <Switch
        id="policy-require-slsa"
        label={text.requireSlsa}
        isChecked={isRecord(slsa)}
        isDisabled={isReadOnly}
        onChange={(_, checked) => edit([[['spec', 'slsa'], checked ? { requiredLevel: 3 } : undefined]])}
      />
      {isRecord(slsa) && (
        <>
          <ChoiceField
            label={text.level}
            value={String(numberAt(slsa, 'requiredLevel') ?? '')}
            isDisabled={isReadOnly}
            choices={LEVELS.map((level) => ({
              value: level as string,
              label: strings.overview.level(Number(level)),
            }))}
            problems={problems(['spec', 'slsa', 'requiredLevel'])}
            onChange={(level) => edit([[['spec', 'slsa', 'requiredLevel'], Number(level)]])}
          />
          <Objects part={part} field="builders" name="id" />
          <Objects part={part} field="sources" name="uri" />
          <Texts part={part} field="refs" />
          <Texts part={part} field="triggers" />
        </>
      )}
    </FormSection>
  );
}

/** A list of objects of which the form shows one field; the others of each stay with it. */
function Objects({
  part: { value, edit, problems, isReadOnly },
  field,
  name,
}: {
  readonly part: FormPart;
  readonly field: 'builders' | 'sources';
  readonly name: 'id' | 'uri';
}) {
  const path = ['spec', 'slsa', field];
  const entries = listAt(value, ...path);
  return (
    <ListField
      label={text[field]}
      help={text[`${field}Help`]}
      value={entries.map((entry) => textAt(entry, name) ?? '')}
      isReadOnly={isReadOnly}
      problems={problems(path)}
      onChange={(names) => edit([[path, names.length === 0 ? undefined : keptByKey(entries, name, names)]])}
    />
  );
}

function Texts({
  part: { value, edit, problems, isReadOnly },
  field,
}: {
  readonly part: FormPart;
  readonly field: 'refs' | 'triggers';
}) {
  const path = ['spec', 'slsa', field];
  return (
    <ListField
      label={text[field]}
      help={text[`${field}Help`]}
      value={textsAt(value, ...path)}
      isReadOnly={isReadOnly}
      problems={problems(path)}
      onChange={(texts) => edit([[path, orNothing(texts)]])}
    />
  );
}
