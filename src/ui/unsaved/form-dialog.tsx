import {
  Alert,
  Modal,
  ModalBody,
  ModalFooter,
  ModalHeader,
  Button,
  type ModalProps,
} from '@patternfly/react-core';
import { useCallback, useEffect, useId, useRef, useState, type ReactNode } from 'react';
import { strings } from '../strings.ts';
import { DiscardButtons } from './discard-dialog.tsx';
import { useUnsaved } from './unsaved.ts';

const text = strings.unsaved;

/** A dialog with a form in it, which asks before it throws away what was typed. */
export function FormDialog({
  title,
  variant = 'medium',
  isChanged,
  isReadOnly = false,
  save,
  onClose,
  children,
}: {
  readonly title: string;
  readonly variant?: ModalProps['variant'];
  /** Something in it is not what is stored. */
  readonly isChanged: boolean;
  readonly isReadOnly?: boolean;
  /** The button that saves. */
  readonly save: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const id = useId();
  const blocker = useUnsaved(isChanged);
  const [isClosing, setClosing] = useState(false);
  const isAsking = isClosing || blocker.state === 'blocked';
  const keep = () => {
    setClosing(false);
    blocker.reset?.();
  };
  const discard = () => {
    onClose();
    blocker.proceed?.();
  };
  const leave = () => (isChanged ? setClosing(true) : onClose());
  const body = useFocusKept(isAsking);
  return (
    <Modal isOpen variant={variant} aria-labelledby={`${id}-title`} onClose={isAsking ? keep : leave}>
      <ModalHeader title={title} labelId={`${id}-title`} />
      <ModalBody>
        {isAsking && (
          <Alert component="h2" isInline variant="warning" title={text.title} role="alert">
            {text.body}
          </Alert>
        )}
        {/* Kept, or what stands in it would be gone before anybody has answered. */}
        <div ref={body} hidden={isAsking}>
          {children}
        </div>
      </ModalBody>
      <ModalFooter>
        {isAsking ? (
          <DiscardButtons onDiscard={discard} onKeep={keep} />
        ) : (
          <>
            {save}
            <Button variant="link" onClick={leave}>
              {isReadOnly ? strings.app.close : strings.app.cancel}
            </Button>
          </>
        )}
      </ModalFooter>
    </Modal>
  );
}

/** Whoever goes on editing does so where they were. */
function useFocusKept(isAsking: boolean) {
  const before = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!isAsking) before.current?.focus();
  }, [isAsking]);
  return useCallback((form: HTMLElement | null) => {
    const note = ({ target }: FocusEvent) => {
      if (target instanceof HTMLElement) before.current = target;
    };
    form?.addEventListener('focusin', note);
    return () => form?.removeEventListener('focusin', note);
  }, []);
}
