import { Button } from '@patternfly/react-core';
import { useId, useRef } from 'react';
import { strings } from '../strings.ts';

export interface EditorProblem {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

/** A text with numbered lines, and a list of what is wrong that leads to each line. */
export function YamlEditor({
  label,
  value,
  problems,
  isReadOnly = false,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly problems: readonly EditorProblem[];
  readonly isReadOnly?: boolean;
  readonly onChange: (value: string) => void;
}) {
  const area = useRef<HTMLTextAreaElement>(null);
  const numbers = useRef<HTMLDivElement>(null);
  const id = useId();
  const lines = value.split('\n');
  const wrong = new Set(problems.map(({ line }) => line));
  const goTo = (line: number) => {
    const start = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0);
    area.current?.focus();
    area.current?.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  };
  return (
    <div className="cs-stack">
      <div className="cs-yaml">
        <div className="cs-yaml__lines" ref={numbers} aria-hidden="true">
          {lines.map((_, index) => (
            <div key={index} className={wrong.has(index + 1) ? 'cs-yaml__line--wrong' : undefined}>
              {index + 1}
            </div>
          ))}
        </div>
        <textarea
          ref={area}
          aria-label={label}
          aria-describedby={`${id}-problems`}
          aria-invalid={problems.length > 0}
          value={value}
          readOnly={isReadOnly}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="off"
          wrap="off"
          onChange={(event) => onChange(event.target.value)}
          onScroll={(event) => {
            if (numbers.current !== null) numbers.current.scrollTop = event.currentTarget.scrollTop;
          }}
        />
      </div>
      <ul id={`${id}-problems`} className="cs-problems" aria-live="polite">
        {problems.map(({ line, message }) => (
          <li key={`${line} ${message}`} className="cs-wrap">
            <Button variant="link" isInline isDanger onClick={() => goTo(line)}>
              {strings.policies.line(line)}
            </Button>{' '}
            {message}
          </li>
        ))}
      </ul>
    </div>
  );
}
