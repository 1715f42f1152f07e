import { TextArea, TextInput } from '@patternfly/react-core';
import { Field } from './field.tsx';

interface TextFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly help?: string | undefined;
  readonly problems?: readonly string[];
  readonly isRequired?: boolean;
  readonly isReadOnly?: boolean;
  /** Text of machines: keys, identities, references. */
  readonly isCode?: boolean;
  readonly placeholder?: string;
}

export function TextField({ label, value, onChange, help, problems = [], ...more }: TextFieldProps) {
  const { isRequired = false, isReadOnly = false, isCode = false, placeholder } = more;
  return (
    <Field label={label} help={help} problems={problems} isRequired={isRequired}>
      {(control) => (
        <TextInput
          {...control}
          value={value}
          isRequired={isRequired}
          {...(isReadOnly && { readOnlyVariant: 'default' as const })}
          {...(placeholder !== undefined && { placeholder })}
          className={isCode ? 'cs-code' : ''}
          autoComplete="off"
          spellCheck={!isCode}
          onChange={(_, text) => onChange(text)}
        />
      )}
    </Field>
  );
}

/** Several lines: a list, a mapping, a key. */
export function LinesField({
  label,
  value,
  onChange,
  help,
  problems = [],
  rows = 3,
  ...more
}: TextFieldProps & { readonly rows?: number }) {
  const { isRequired = false, isReadOnly = false, isCode = true, placeholder } = more;
  return (
    <Field label={label} help={help} problems={problems} isRequired={isRequired}>
      {(control) => (
        <TextArea
          {...control}
          value={value}
          rows={rows}
          isRequired={isRequired}
          {...(isReadOnly && { readOnlyVariant: 'default' as const })}
          {...(placeholder !== undefined && { placeholder })}
          resizeOrientation="vertical"
          className={isCode ? 'cs-code' : ''}
          spellCheck={!isCode}
          onChange={(_, text) => onChange(text)}
        />
      )}
    </Field>
  );
}
