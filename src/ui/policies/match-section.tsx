import { FormSection } from '@patternfly/react-core';
import { ListField, PairsField } from '../shared/list-field.tsx';
import { listAt, pairsAt, textAt, textsAt } from '../shared/values.ts';
import { strings } from '../strings.ts';
import { orNothing, type FormPart } from './form-part.ts';

const text = strings.policies.fields;

/** Which images of which workloads the policy is about. */
export function MatchSection(part: FormPart) {
  const { value } = part;
  return (
    <FormSection title={text.match} titleElement="h2">
      <Globs part={part} field="images" help={text.imagesHelp} />
      <Globs part={part} field="excludeImages" help={text.excludeImagesHelp} />
      {textAt(value, 'kind') !== 'SigningPolicy' && (
        <Labels
          part={part}
          field="namespaceSelector"
          label={text.namespaceLabels}
          help={text.namespaceLabelsHelp}
        />
      )}
      <Labels
        part={part}
        field="workloadSelector"
        label={text.workloadLabels}
        help={text.workloadLabelsHelp}
      />
    </FormSection>
  );
}

function Globs({
  part: { value, edit, problems, isReadOnly },
  field,
  help,
}: {
  readonly part: FormPart;
  readonly field: 'images' | 'excludeImages';
  readonly help: string;
}) {
  const path = ['spec', 'match', field];
  return (
    <ListField
      label={text[field]}
      help={help}
      value={textsAt(value, ...path)}
      problems={problems(path)}
      isReadOnly={isReadOnly}
      onChange={(globs) => edit([[path, orNothing(globs)]])}
    />
  );
}

function Labels({
  part: { value, edit, problems, isReadOnly },
  field,
  label,
  help,
}: {
  readonly part: FormPart;
  readonly field: 'namespaceSelector' | 'workloadSelector';
  readonly label: string;
  readonly help: string;
}) {
  const path = ['spec', 'match', field];
  const expressions = listAt(value, ...path, 'matchExpressions').length;
  return (
    <PairsField
      label={label}
      help={expressions === 0 ? help : `${help} ${text.expressions(expressions)}`}
      value={pairsAt(value, ...path, 'matchLabels')}
      problems={problems(path)}
      isReadOnly={isReadOnly}
      onChange={(labels) => edit([[[...path, 'matchLabels'], orNothing(labels)]])}
    />
  );
}
