import { Form, FormSection, Radio } from '@patternfly/react-core';
import { ChoiceField } from '../shared/choice-field.tsx';
import { TextField } from '../shared/text-field.tsx';
import { textAt } from '../shared/values.ts';
import { strings } from '../strings.ts';
import { AttestationsSection } from './attestations-section.tsx';
import { DetailsSection } from './details-section.tsx';
import type { FormPart } from './form-part.ts';
import { MatchSection } from './match-section.tsx';
import { MODES, modeOf } from './policy-document.ts';
import { ProvenanceSection } from './provenance-section.tsx';
import { SignaturesSection } from './signatures-section.tsx';

const text = strings.policies.fields;

/** A policy as a form over the document that stands beside it. */
export function PolicyForm({ isNew, ...part }: FormPart & { readonly isNew: boolean }) {
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault();
      }}
    >
      <IdentitySection {...part} isNew={isNew} />
      <ModeSection {...part} />
      <MatchSection {...part} />
      <SignaturesSection {...part} />
      <ProvenanceSection {...part} />
      <AttestationsSection {...part} />
      <DetailsSection {...part} />
    </Form>
  );
}

function IdentitySection({
  value,
  edit,
  problems,
  isReadOnly,
  isNew,
}: FormPart & { readonly isNew: boolean }) {
  const kind = textAt(value, 'kind') ?? '';
  const isNamespaced = kind === 'SigningPolicy';
  return (
    <>
      <ChoiceField
        label={text.kind}
        value={kind}
        isDisabled={!isNew || isReadOnly}
        choices={[
          { value: 'ClusterSigningPolicy', label: text.kindCluster },
          { value: 'SigningPolicy', label: text.kindNamespace },
        ]}
        problems={problems(['kind'])}
        onChange={(chosen) => {
          edit([
            [['kind'], chosen],
            [['metadata', 'namespace'], chosen === 'SigningPolicy' ? 'default' : undefined],
          ]);
        }}
      />
      {isNamespaced && (
        <TextField
          label={text.namespace}
          value={textAt(value, 'metadata', 'namespace') ?? ''}
          isRequired
          isReadOnly={!isNew || isReadOnly}
          problems={problems(['metadata', 'namespace'])}
          onChange={(namespace) => edit([[['metadata', 'namespace'], namespace]])}
        />
      )}
      <TextField
        label={text.name}
        help={text.nameHelp}
        value={textAt(value, 'metadata', 'name') ?? ''}
        isRequired
        isReadOnly={!isNew || isReadOnly}
        problems={problems(['metadata', 'name'])}
        onChange={(name) => edit([[['metadata', 'name'], name]])}
      />
    </>
  );
}

function ModeSection({ value, edit, problems, isReadOnly }: FormPart) {
  const mode = modeOf(value);
  return (
    <FormSection title={text.mode} titleElement="h2">
      <fieldset className="cs-fieldset" aria-label={text.mode}>
        {MODES.map((each) => (
          <Radio
            key={each}
            id={`policy-mode-${each}`}
            name="policy-mode"
            label={strings.modes[each].name}
            description={strings.modes[each].detail}
            isChecked={mode === each}
            isDisabled={isReadOnly}
            onChange={() => edit([[['spec', 'mode'], each]])}
          />
        ))}
        {problems(['spec', 'mode']).map((problem) => (
          <p key={problem} role="alert">
            {problem}
          </p>
        ))}
      </fieldset>
    </FormSection>
  );
}
