import { FormSelect, FormSelectOption, InputGroup, InputGroupItem, TextInput } from '@patternfly/react-core';
import { Field } from '../shared/field.tsx';
import { strings } from '../strings.ts';
import type { Matcher } from './signer-draft.ts';

const text = strings.signers.form;

/** A text, and how it is compared. */
export function MatcherField({
  label,
  help,
  value,
  problems = [],
  onChange,
}: {
  readonly label: string;
  readonly help: string;
  readonly value: Matcher;
  readonly problems?: readonly string[];
  readonly onChange: (value: Matcher) => void;
}) {
  return (
    <Field
      label={label}
      help={value.how === 'pattern' ? text.patternHelp : help}
      problems={problems}
      isRequired
    >
      {(control) => (
        <InputGroup className="cs-matcher">
          <InputGroupItem>
            <FormSelect
              value={value.how}
              aria-label={text.matchOf(label)}
              onChange={(_, how) => onChange({ ...value, how: how === 'pattern' ? 'pattern' : 'exact' })}
            >
              <FormSelectOption value="exact" label={text.exact} />
              <FormSelectOption value="pattern" label={text.pattern} />
            </FormSelect>
          </InputGroupItem>
          <InputGroupItem isFill>
            <TextInput
              {...control}
              value={value.text}
              isRequired
              className="cs-code"
              autoComplete="off"
              spellCheck={false}
              onChange={(_, typed) => onChange({ ...value, text: typed })}
            />
          </InputGroupItem>
        </InputGroup>
      )}
    </Field>
  );
}
