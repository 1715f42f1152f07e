import { Alert } from '@patternfly/react-core';
import { useState } from 'react';
import type { ImpactQuestion } from '../../admin/schemas/impact.ts';
import { ImpactView } from '../impact/impact-view.tsx';
import { ConfirmDialog } from '../shared/confirm-dialog.tsx';
import type { Json } from '../shared/values.ts';
import { strings } from '../strings.ts';
import { isWeaker, type PolicyMode } from './policy-document.ts';

const text = strings.policies;

/** Asks before a policy becomes weaker or stricter, and says first who would be told something else. */
export function ModeDialog({
  name,
  before,
  mode,
  value,
  isPending,
  error,
  onConfirm,
  onClose,
}: {
  readonly name: string;
  readonly before: PolicyMode;
  readonly mode: PolicyMode;
  /** The document as it would be. */
  readonly value: Json;
  readonly isPending: boolean;
  readonly error: Error | null;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}) {
  const [question] = useState<ImpactQuestion>(() => ({ change: { put: { ...value } } }));
  const weaker = isWeaker(mode, before);
  const { name: word, detail } = strings.modes[mode];
  return (
    <ConfirmDialog
      title={text.modeTitle(name, word)}
      confirm={text.modeConfirm(word)}
      isDanger={weaker}
      isPending={isPending}
      error={error}
      onConfirm={onConfirm}
      onClose={onClose}
    >
      <Alert
        component="h2"
        isInline
        variant={weaker ? 'warning' : 'info'}
        title={weaker ? text.weaker : text.stronger}
      >
        {weaker ? text.weakerBody(detail) : detail}
      </Alert>
      <ImpactView question={question} />
    </ConfirmDialog>
  );
}
