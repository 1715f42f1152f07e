import { Content } from '@patternfly/react-core';
import { useState } from 'react';
import type { ImpactQuestion } from '../../admin/schemas/impact.ts';
import { call } from '../api/http.ts';
import { useWrite } from '../api/writes.ts';
import { ConfirmDialog } from '../shared/confirm-dialog.tsx';
import { strings } from '../strings.ts';
import { ImpactView } from './impact-view.tsx';

type Removed = Extract<ImpactQuestion['change'], { readonly remove: unknown }>['remove'];

/** Asks before a document is deleted, and says first who would be told something else. */
export function DeleteDialog({
  document,
  path,
  words: { deleteTitle, deleteBody, deleted },
  isHarmless = false,
  onClose,
  onDone = onClose,
}: {
  readonly document: Removed;
  /** Of the document in the API. */
  readonly path: string;
  readonly words: {
    readonly deleteTitle: (name: string) => string;
    readonly deleteBody: string;
    readonly deleted: (name: string) => string;
  };
  /** Nothing hangs on it any more. */
  readonly isHarmless?: boolean;
  readonly onClose: () => void;
  readonly onDone?: () => void;
}) {
  const { name } = document;
  const [question] = useState<ImpactQuestion>({ change: { remove: document } });
  const remove = useWrite<string>({ write: () => call('DELETE', path), said: deleted, onDone });
  return (
    <ConfirmDialog
      title={deleteTitle(name)}
      confirm={strings.app.delete}
      isDanger={!isHarmless}
      isPending={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(name)}
      onClose={onClose}
    >
      {!isHarmless && (
        <>
          <Content component="p">{deleteBody}</Content>
          <ImpactView question={question} />
        </>
      )}
    </ConfirmDialog>
  );
}
