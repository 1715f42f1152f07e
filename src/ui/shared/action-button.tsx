import { Button, Tooltip, type ButtonProps } from '@patternfly/react-core';
import { strings } from '../strings.ts';

/** A button that says why it does nothing for somebody who may not use it, and can still be reached by keyboard. */
export function ActionButton({
  isAllowed,
  reason = strings.app.notAllowed,
  ...button
}: ButtonProps & { readonly isAllowed: boolean; readonly reason?: string }) {
  if (isAllowed) return <Button {...button} />;
  return (
    <Tooltip content={reason}>
      <Button {...button} isAriaDisabled />
    </Tooltip>
  );
}
