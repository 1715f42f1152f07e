import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import { strings } from '../strings.ts';

/** Text for machines, to be read and copied. */
export function CodeText({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <div className="cs-code-text">
      <pre className="cs-code" tabIndex={0} aria-label={label}>
        {text}
      </pre>
      <CopyButton text={text} label={label} />
    </div>
  );
}

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 3000);
  };
  return (
    <Button
      size="sm"
      variant="secondary"
      className="cs-fit"
      aria-label={`${strings.app.copy}: ${label}`}
      onClick={() => void copy()}
    >
      <span aria-live="polite">{isCopied ? strings.app.copied : strings.app.copy}</span>
    </Button>
  );
}
