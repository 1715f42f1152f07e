import { Alert, Button } from '@patternfly/react-core';
import { useId, useState } from 'react';
import type { Signer } from '../../admin/schemas/resources.ts';
import { ApiError, isProblem, problemsAt, problemsElsewhere } from '../api/problem.ts';
import { ConflictView } from '../shared/conflict-view.tsx';
import { ManagedByAlert } from '../shared/document-alerts.tsx';
import { ProblemAlert } from '../shared/problem-alert.tsx';
import { UnreadableFields, useUnreadable } from '../shared/unreadable.tsx';
import { isSame, valueAt } from '../shared/values.ts';
import { strings } from '../strings.ts';
import { FormDialog } from '../unsaved/form-dialog.tsx';
import { draftOf, emptySigner, signerForm } from './signer-draft.ts';
import { SignerFormFields } from './signer-form-fields.tsx';
import { signerPath, useSaveSigner } from './signer-writes.ts';

const text = strings.signers;

/** Fields that show their own problems. */
const SHOWN = [
  'metadata.name',
  'metadata.labels',
  ...[
    'issuer',
    'issuerRegExp',
    'subject',
    'subjectRegExp',
    'extensions',
    'trustRootRef',
    'publicKey',
    'keyRef',
  ].map((field) => `spec.${field}`),
  ...['description', 'expiresAt', 'signedNotBefore', 'signedNotAfter'].map((field) => `spec.${field}`),
];

function formOf(signer: Signer | undefined) {
  if (signer === undefined) return emptySigner('keyless');
  return signerForm(signer.metadata.name, signer.metadata.labels, signer.spec);
}

/** Adds a signer, or edits one. @param signer undefined = a new one */
export function SignerDialog({
  signer: opened,
  onClose,
}: {
  readonly signer: Signer | undefined;
  readonly onClose: () => void;
}) {
  const [signer, setSigner] = useState(opened);
  const [form, setForm] = useState(() => formOf(opened));
  const save = useSaveSigner(onClose);
  const id = useId();
  const isNew = signer === undefined;
  const errors = save.error instanceof ApiError ? save.error.errors : [];
  const isConflict = isProblem(save.error, 'CHANGED_MEANWHILE');
  const draft = draftOf(form, signer?.spec);
  const unreadable = useUnreadable();
  const maySave = !save.isPending && !isConflict && !unreadable.isAny && form.name.trim() !== '';
  const store = (version: string | undefined) => save.mutate({ draft, version });
  const reload = (stored: Signer) => {
    setSigner(stored);
    setForm(formOf(stored));
    save.reset();
  };
  return (
    <FormDialog
      title={isNew ? text.addTitle : text.editTitle(form.name)}
      isChanged={unreadable.isAny || !isSame(form, formOf(signer))}
      save={
        <Button type="submit" form={id} isLoading={save.isPending} isDisabled={!maySave}>
          {isNew ? text.add : strings.app.save}
        </Button>
      }
      onClose={onClose}
    >
      <div className="cs-stack">
        <ManagedByAlert managedBy={signer?.metadata.managedBy} />
        {signer !== undefined && signer.problems.length > 0 && (
          <Alert component="h2" isInline variant="danger" title={strings.app.problems}>
            {signer.problems.map(({ field, message }) => `${field}: ${message}`).join(' ')}
          </Alert>
        )}
        {isConflict && (
          <ConflictView<Signer>
            path={signerPath(form.name)}
            mine={draft}
            isSaving={save.isPending}
            onReload={reload}
            onReapply={store}
          />
        )}
        {save.isError && !isConflict && (
          <ProblemAlert error={save.error} errors={problemsElsewhere(errors, SHOWN)} />
        )}
        {!isConflict && (
          <UnreadableFields report={unreadable.report}>
            <SignerFormFields
              id={id}
              form={form}
              change={(change) => setForm((before) => ({ ...before, ...change }))}
              problems={(...fields) =>
                fields.flatMap((field) => problemsAt(errors, field)).map(({ message }) => message)
              }
              isNew={isNew}
              isInSecret={valueAt(signer?.spec, 'publicKey', 'secretRef') !== undefined}
              onSubmit={() => maySave && store(signer?.metadata.resourceVersion)}
            />
          </UnreadableFields>
        )}
      </div>
    </FormDialog>
  );
}
