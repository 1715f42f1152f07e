import { Button, InputGroup, InputGroupItem, TextInput } from '@patternfly/react-core';
import { useState } from 'react';
import { strings } from '../strings.ts';
import { Field } from './field.tsx';
import { useReportUnreadable } from './unreadable.tsx';
import { wholeNumber } from './whole-number.ts';

/** A whole number. What is typed and is none stays in the field, and changes nothing. */
export function NumberField({
  label,
  value,
  min,
  max,
  problems = [],
  isDisabled = false,
  onChange,
}: {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly problems?: readonly string[];
  readonly isDisabled?: boolean;
  readonly onChange: (value: number) => void;
}) {
  const [typed, setTyped] = useState<{ readonly text: string; readonly over: number }>();
  // Another value from elsewhere, such as the YAML, replaces what was typed.
  const text = typed?.over === value ? typed.text : undefined;
  useReportUnreadable(text !== undefined);
  const type = (next: string) => {
    const number = wholeNumber(next, min, max);
    setTyped(number === undefined ? { text: next, over: value } : undefined);
    if (number !== undefined) onChange(number);
  };
  const step = (by: number) => {
    setTyped(undefined);
    onChange(Math.min(Math.max(min, value + by), max));
  };
  return (
    <Field
      label={label}
      problems={text === undefined ? problems : [strings.forms.numberWrong(text, min, max)]}
    >
      {(control) => (
        <InputGroup className="cs-number">
          <InputGroupItem>
            <Button
              variant="control"
              aria-label={strings.forms.less(label)}
              isDisabled={isDisabled || value <= min}
              onClick={() => step(-1)}
            >
              −
            </Button>
          </InputGroupItem>
          <InputGroupItem>
            {/* Not type="number": of what is no number that tells nothing at all. */}
            <TextInput
              {...control}
              inputMode="numeric"
              autoComplete="off"
              value={text ?? String(value)}
              isDisabled={isDisabled}
              onChange={(_, next) => type(next)}
            />
          </InputGroupItem>
          <InputGroupItem>
            <Button
              variant="control"
              aria-label={strings.forms.more(label)}
              isDisabled={isDisabled || value >= max}
              onClick={() => step(1)}
            >
              +
            </Button>
          </InputGroupItem>
        </InputGroup>
      )}
    </Field>
  );
}
