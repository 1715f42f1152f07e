import { Button } from '@patternfly/react-core';
import { strings } from '../strings.ts';

const text = strings.history;

export function Pager({
  page,
  newer,
  older,
}: {
  readonly page: number;
  readonly newer: (() => void) | undefined;
  readonly older: (() => void) | undefined;
}) {
  return (
    <div className="cs-row cs-pager">
      <Button variant="secondary" size="sm" isDisabled={newer === undefined} onClick={newer}>
        {text.newer}
      </Button>
      <span aria-live="polite">{text.page(page)}</span>
      <Button variant="secondary" size="sm" isDisabled={older === undefined} onClick={older}>
        {text.older}
      </Button>
    </div>
  );
}
