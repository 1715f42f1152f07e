import { Button, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useId, type ReactNode } from 'react';
import { strings } from '../strings.ts';
import { ProblemAlert } from './problem-alert.tsx';

/** Asks before something is done that somebody may regret. */
export function ConfirmDialog({
  title,
  confirm,
  isDanger = false,
  isPending,
  error,
  onConfirm,
  onClose,
  children,
}: {
  readonly title: string;
  readonly confirm: string;
  readonly isDanger?: boolean;
  readonly isPending: boolean;
  readonly error: Error | null;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const id = useId();
  return (
    <Modal
      isOpen
      variant="medium"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-body`}
      onClose={onClose}
    >
      <ModalHeader
        title={title}
        labelId={`${id}-title`}
        {...(isDanger && { titleIconVariant: 'warning' as const })}
      />
      <ModalBody id={`${id}-body`}>
        <div className="cs-stack">
          {error !== null && <ProblemAlert error={error} />}
          {children}
        </div>
      </ModalBody>
      <ModalFooter>
        <Button
          variant={isDanger ? 'danger' : 'primary'}
          isLoading={isPending}
          isDisabled={isPending}
          onClick={onConfirm}
        >
          {confirm}
        </Button>
        <Button variant="link" onClick={onClose}>
          {strings.app.cancel}
        </Button>
      </ModalFooter>
    </Modal>
  );
}
