import { useState } from 'react';
import { formatList, formatPairs, parseList, parsePairs } from './lines.ts';
import { LinesField } from './text-field.tsx';
import { strings } from '../strings.ts';

interface ListFieldProps<T> {
  readonly label: string;
  readonly help?: string | undefined;
  readonly problems?: readonly string[];
  readonly isReadOnly?: boolean;
  readonly isRequired?: boolean;
  readonly value: T;
  readonly onChange: (value: T) => void;
}

/** A list, one entry a line. What is being typed stays as it is, empty lines and all, for as long as it says the same. */
export function ListField({ value, onChange, ...field }: ListFieldProps<readonly string[]>) {
  const [typed, setTyped] = useState<string>();
  const isCurrent = typed !== undefined && formatList(parseList(typed)) === formatList(value);
  return (
    <LinesField
      {...field}
      rows={2}
      value={isCurrent ? typed : formatList(value)}
      onChange={(text) => {
        setTyped(text);
        onChange(parseList(text));
      }}
    />
  );
}

/** A mapping, one `key=value` a line. */
export function PairsField({
  value,
  onChange,
  problems = [],
  ...field
}: ListFieldProps<Readonly<Record<string, string>>>) {
  const [typed, setTyped] = useState<string>();
  const isCurrent = typed !== undefined && formatPairs(parsePairs(typed).pairs) === formatPairs(value);
  const text = isCurrent ? typed : formatPairs(value);
  const { wrong } = parsePairs(text);
  return (
    <LinesField
      {...field}
      rows={2}
      problems={wrong === undefined ? problems : [strings.signers.form.lineWrong(wrong)]}
      value={text}
      onChange={(next) => {
        setTyped(next);
        onChange(parsePairs(next).pairs);
      }}
    />
  );
}
