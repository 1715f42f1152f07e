import { useState } from 'react';
import { formatList, formatPairs, parseList, parsePairs, type PairProblem } from './lines.ts';
import { LinesField } from './text-field.tsx';
import { useReportUnreadable } from './unreadable.tsx';
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
  const [typed, setTyped] = useState<{ readonly text: string; readonly over: string }>();
  const stored = formatPairs(value);
  const isCurrent =
    typed !== undefined && (typed.over === stored || formatPairs(parsePairs(typed.text).pairs) === stored);
  const text = isCurrent ? typed.text : stored;
  const { wrong } = parsePairs(text);
  useReportUnreadable(wrong !== undefined);
  return (
    <LinesField
      {...field}
      rows={2}
      problems={wrong === undefined ? problems : [pairProblem(wrong)]}
      value={text}
      onChange={(next) => {
        const read = parsePairs(next);
        setTyped({ text: next, over: stored });
        // Lines that can be read are not the whole: the value stays until all of them can.
        if (read.wrong === undefined) onChange(read.pairs);
      }}
    />
  );
}

export function pairProblem(problem: PairProblem): string {
  return problem.kind === 'twice'
    ? strings.forms.nameTwice(problem.name)
    : strings.forms.lineWrong(problem.line);
}

/** The same where the text itself is the form's value. */
export function PairLinesField({ problems = [], ...field }: Omit<ListFieldProps<string>, 'isRequired'>) {
  const { wrong } = parsePairs(field.value);
  useReportUnreadable(wrong !== undefined);
  return <LinesField {...field} rows={2} problems={wrong === undefined ? problems : [pairProblem(wrong)]} />;
}
