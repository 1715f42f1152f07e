import { ExpandableSection, Form, FormSection, Radio, Switch } from '@patternfly/react-core';
import { PairLinesField } from '../shared/list-field.tsx';
import { SIGNER_PRESETS } from '../shared/local-time.ts';
import { TextField } from '../shared/text-field.tsx';
import { TimeField } from '../shared/time-field.tsx';
import { strings } from '../strings.ts';
import { KeylessFields, KeyReferenceFields, PublicKeyFields } from './identity-fields.tsx';
import type { SignerForm, SignerKind } from './signer-draft.ts';

const text = strings.signers.form;

const KINDS: readonly { readonly kind: SignerKind; readonly label: string; readonly help: string }[] = [
  { kind: 'keyless', label: text.keyless, help: text.keylessHelp },
  { kind: 'publicKey', label: text.publicKey, help: text.publicKeyHelp },
  { kind: 'keyRef', label: text.keyRef, help: text.keyRefHelp },
];

const PRESETS = (['days30', 'days90', 'year', 'never'] as const).map((each) => ({
  label: text.presets[each],
  duration: SIGNER_PRESETS[each],
}));

/** Everything that a TrustedSigner says. */
export function SignerFormFields({
  id,
  form,
  change,
  problems,
  isNew,
  isInSecret,
  onSubmit,
}: {
  readonly id: string;
  readonly form: SignerForm;
  readonly change: (change: Partial<SignerForm>) => void;
  readonly problems: (...fields: readonly string[]) => readonly string[];
  readonly isNew: boolean;
  readonly isInSecret: boolean;
  readonly onSubmit: () => void;
}) {
  const fields = { form, change, problems };
  return (
    <Form
      id={id}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <TextField
        label={text.name}
        help={text.nameHelp}
        value={form.name}
        isRequired
        isReadOnly={!isNew}
        problems={problems('metadata.name')}
        onChange={(name) => change({ name })}
      />
      <fieldset className="cs-fieldset">
        <legend>{text.kind}</legend>
        {KINDS.map(({ kind, label, help }) => (
          <Radio
            key={kind}
            id={`${id}-${kind}`}
            name={`${id}-kind`}
            label={label}
            description={help}
            isChecked={form.kind === kind}
            onChange={() => change({ kind })}
          />
        ))}
      </fieldset>
      {form.kind === 'keyless' && <KeylessFields {...fields} />}
      {form.kind === 'publicKey' && <PublicKeyFields {...fields} isInSecret={isInSecret} />}
      {form.kind === 'keyRef' && <KeyReferenceFields {...fields} />}
      <FormSection title={text.validity} titleElement="h2">
        <Switch
          id={`${id}-enabled`}
          label={text.enabled}
          isChecked={form.enabled}
          onChange={(_, enabled) => change({ enabled })}
        />
        <TimeField
          label={text.expires}
          help={text.expiresHelp}
          value={form.expiresAt}
          presets={PRESETS}
          problems={problems('spec.expiresAt')}
          onChange={(expiresAt) => change({ expiresAt })}
        />
        <ExpandableSection toggleText={text.more}>
          <div className="cs-stack">
            <TimeField
              label={text.signedNotBefore}
              help={text.signedNotBeforeHelp}
              value={form.signedNotBefore}
              problems={problems('spec.signedNotBefore')}
              onChange={(signedNotBefore) => change({ signedNotBefore })}
            />
            <TimeField
              label={text.signedNotAfter}
              help={text.signedNotAfterHelp}
              value={form.signedNotAfter}
              problems={problems('spec.signedNotAfter')}
              onChange={(signedNotAfter) => change({ signedNotAfter })}
            />
          </div>
        </ExpandableSection>
      </FormSection>
      <FormSection title={text.about} titleElement="h2">
        <TextField
          label={text.description}
          value={form.description}
          problems={problems('spec.description')}
          onChange={(description) => change({ description })}
        />
        <PairLinesField
          label={text.labels}
          help={text.labelsHelp}
          value={form.labels}
          problems={problems('metadata.labels')}
          onChange={(labels) => change({ labels })}
        />
      </FormSection>
    </Form>
  );
}
