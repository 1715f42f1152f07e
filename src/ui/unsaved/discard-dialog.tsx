import { Button, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { useEffect, useId, useRef } from 'react';
import { strings } from '../strings.ts';

const text = strings.unsaved;

/** Asks whether what was typed may be thrown away. */
export function DiscardDialog({
  onDiscard,
  onKeep,
}: {
  readonly onDiscard: () => void;
  readonly onKeep: () => void;
}) {
  const id = useId();
  return (
    <Modal
      isOpen
      variant="small"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-body`}
      onClose={onKeep}
    >
      <ModalHeader title={text.title} titleIconVariant="warning" labelId={`${id}-title`} />
      <ModalBody id={`${id}-body`}>{text.body}</ModalBody>
      <ModalFooter>
        <DiscardButtons onDiscard={onDiscard} onKeep={onKeep} />
      </ModalFooter>
    </Modal>
  );
}

/** The two answers. Whoever presses Enter without reading loses nothing. */
export function DiscardButtons({
  onDiscard,
  onKeep,
}: {
  readonly onDiscard: () => void;
  readonly onKeep: () => void;
}) {
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    <>
      <Button ref={first} onClick={onKeep}>
        {text.keep}
      </Button>
      <Button variant="secondary" isDanger onClick={onDiscard}>
        {text.discard}
      </Button>
    </>
  );
}
