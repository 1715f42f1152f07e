import { Button, FormSection, Switch } from '@patternfly/react-core';
import { PlusCircleIcon } from '@patternfly/react-icons/dist/esm/icons/plus-circle-icon';
import { ChoiceField } from '../shared/choice-field.tsx';
import { NumberField } from '../shared/number-field.tsx';
import { booleanAt, listAt, numberAt, textAt } from '../shared/values.ts';
import { strings } from '../strings.ts';
import type { FormPart } from './form-part.ts';
import { TrustedKeyEntry } from './trusted-key-entry.tsx';

const text = strings.policies.fields;
const MAX_SIGNERS = 64;
const DEMANDS = ['Required', 'Optional', 'Ignored'] as const;

/** Who must have signed. */
export function SignaturesSection(part: FormPart) {
  const { value, edit, isReadOnly } = part;
  const isRequired = booleanAt(value, 'spec', 'requireSignature') ?? true;
  return (
    <FormSection title={text.signatures} titleElement="h2">
      <Switch
        id="policy-require-signature"
        label={text.requireSignature}
        isChecked={isRequired}
        isDisabled={isReadOnly}
        onChange={(_, checked) =>
          edit(
            checked
              ? [[['spec', 'requireSignature'], true]]
              : [
                  [['spec', 'requireSignature'], false],
                  [['spec', 'trustedKeys'], undefined],
                  [['spec', 'threshold'], undefined],
                ],
          )
        }
      />
      {isRequired && <Signers {...part} />}
    </FormSection>
  );
}

function Signers(part: FormPart) {
  const { value, edit, problems, isReadOnly } = part;
  const entries = listAt(value, 'spec', 'trustedKeys');
  const threshold = numberAt(value, 'spec', 'threshold') ?? 1;
  return (
    <>
      {entries.map((entry, index) => (
        // An entry has no other identity than its place.
        <TrustedKeyEntry key={index} part={part} index={index} entry={entry} />
      ))}
      {entries.length === 0 &&
        problems(['spec', 'trustedKeys']).map((problem) => (
          <p key={problem} role="alert" className="cs-wrap">
            {problem}
          </p>
        ))}
      {!isReadOnly && (
        <Button
          variant="link"
          className="cs-fit"
          icon={<PlusCircleIcon />}
          isDisabled={entries.length >= MAX_SIGNERS}
          onClick={() =>
            edit([
              [
                ['spec', 'trustedKeys'],
                [...entries, { signerRef: { name: '' } }],
              ],
            ])
          }
        >
          {text.addSigner}
        </Button>
      )}
      <NumberField
        label={text.threshold}
        value={threshold}
        min={1}
        max={MAX_SIGNERS}
        problems={problems(['spec', 'threshold'])}
        isDisabled={isReadOnly}
        onChange={(next) => edit([[['spec', 'threshold'], next]])}
      />
      <div className="cs-grid">
        {(['keyless', 'keys'] as const).map((kind) =>
          (['log', 'timestamp'] as const).map((proof) => (
            <div key={`${kind} ${proof}`} className="cs-half">
              <ProofField part={part} kind={kind} proof={proof} />
            </div>
          )),
        )}
      </div>
    </>
  );
}

function ProofField({
  part: { value, edit, problems, isReadOnly },
  kind,
  proof,
}: {
  readonly part: FormPart;
  readonly kind: 'keyless' | 'keys';
  readonly proof: 'log' | 'timestamp';
}) {
  const path = ['spec', 'transparency', kind, proof];
  return (
    <ChoiceField
      label={(proof === 'log' ? text.logOf : text.timestampOf)[kind]}
      value={textAt(value, ...path) ?? ''}
      isDisabled={isReadOnly}
      choices={[
        { value: '', label: text.byDefault },
        ...DEMANDS.filter((demand) => kind === 'keys' || demand !== 'Ignored').map((demand) => ({
          value: demand,
          label: text.demands[demand],
        })),
      ]}
      problems={problems(path)}
      onChange={(demand) => edit([[path, demand === '' ? undefined : demand]])}
    />
  );
}
