import { Content } from '@patternfly/react-core';
import { useState } from 'react';
import type { ImpactQuestion } from '../../admin/schemas/impact.ts';
import type { Exception } from '../../admin/schemas/resources.ts';
import { call, segment } from '../api/http.ts';
import { useWrite } from '../api/writes.ts';
import { ImpactView } from '../impact/impact-view.tsx';
import { ConfirmDialog } from '../shared/confirm-dialog.tsx';
import { strings } from '../strings.ts';

const text = strings.exceptions;

export function DeleteExceptionDialog({
  exception: {
    metadata: { name },
    facts,
  },
  onClose,
}: {
  readonly exception: Exception;
  readonly onClose: () => void;
}) {
  const [question] = useState<ImpactQuestion>(() => ({
    change: { remove: { kind: 'SigningException', name } },
  }));
  const remove = useWrite<string>({
    write: () => call('DELETE', `/exceptions/${segment(name)}`),
    said: text.deleted,
    onDone: onClose,
  });
  return (
    <ConfirmDialog
      title={text.deleteTitle(name)}
      confirm={strings.app.delete}
      isDanger={facts.state === 'active'}
      isPending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(name)}
      onClose={onClose}
    >
      {facts.state === 'active' && (
        <>
          <Content component="p">{text.deleteBody}</Content>
          <ImpactView question={question} />
        </>
      )}
    </ConfirmDialog>
  );
}
