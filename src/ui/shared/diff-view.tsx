import { useMemo } from 'react';
import { strings } from '../strings.ts';
import { lineDiff } from './line-diff.ts';

const SIGNS = { same: ' ', removed: '−', added: '+' } as const;

/** Two texts as one, with a sign before each line that only one of them has. */
export function DiffView({
  before,
  after,
  label,
}: {
  readonly before: string;
  readonly after: string;
  readonly label: string;
}) {
  const lines = useMemo(() => lineDiff(before, after), [before, after]);
  if (lines.every(({ kind }) => kind === 'same')) return <p>{strings.conflict.same}</p>;
  return (
    <pre className="cs-diff cs-code" tabIndex={0} aria-label={label}>
      {lines.map(({ kind, text }, index) => (
        <span key={`${index} ${text}`} className={`cs-diff__line cs-diff__line--${kind}`}>
          <span className="cs-diff__sign">{SIGNS[kind]}</span>
          {text}
          {'\n'}
        </span>
      ))}
    </pre>
  );
}
