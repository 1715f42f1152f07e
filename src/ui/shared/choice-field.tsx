import { FormSelect, FormSelectOption } from '@patternfly/react-core';
import { Field } from './field.tsx';

export interface Choice<T extends string> {
  readonly value: T;
  readonly label: string;
}

/** One of a few: the browser's own control, which everybody and every screen reader knows. */
export function ChoiceField<T extends string>({
  label,
  value,
  choices,
  onChange,
  help,
  problems = [],
  isDisabled = false,
}: {
  readonly label: string;
  readonly value: T;
  readonly choices: readonly Choice<T>[];
  readonly onChange: (value: T) => void;
  readonly help?: string | undefined;
  readonly problems?: readonly string[];
  readonly isDisabled?: boolean;
}) {
  const all = choices.some((choice) => choice.value === value)
    ? choices
    : [...choices, { value, label: value }];
  return (
    <Field label={label} help={help} problems={problems}>
      {(control) => (
        <FormSelect
          {...control}
          value={value}
          isDisabled={isDisabled}
          onChange={(_, chosen) => onChange(chosen as T)}
        >
          {all.map((choice) => (
            <FormSelectOption key={choice.value} value={choice.value} label={choice.label} />
          ))}
        </FormSelect>
      )}
    </Field>
  );
}
