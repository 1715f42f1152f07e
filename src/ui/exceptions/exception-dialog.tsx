import { Alert, Button, Form } from '@patternfly/react-core';
import { useMutation } from '@tanstack/react-query';
import { useId, useState } from 'react';
import type { Exception } from '../../admin/schemas/resources.ts';
import { call } from '../api/http.ts';
import { ApiError, problemsAt, problemsElsewhere } from '../api/problem.ts';
import { useWrite } from '../api/writes.ts';
import type { Draft, Written } from '../api/written.ts';
import { EXCEPTION_PRESETS } from '../shared/local-time.ts';
import { ProblemAlert } from '../shared/problem-alert.tsx';
import { LinesField, TextField } from '../shared/text-field.tsx';
import { TimeField } from '../shared/time-field.tsx';
import { UnreadableFields, useUnreadable } from '../shared/unreadable.tsx';
import { isSame } from '../shared/values.ts';
import { strings } from '../strings.ts';
import { FormDialog } from '../unsaved/form-dialog.tsx';
import { EMPTY_EXCEPTION, exceptionDraft, isComplete, type ExceptionForm } from './exception-draft.ts';

const text = strings.exceptions;
const words = text.form;

const FIELDS = [
  'metadata.name',
  ...['namespaces', 'images', 'policies', 'reason', 'expiresAt'].map((field) => `spec.${field}`),
];

const PRESETS = (['hour', 'hours4', 'day', 'week'] as const).map((each) => ({
  label: words.presets[each],
  duration: EXCEPTION_PRESETS[each],
}));

/** Creates an exception: whom it is for, why, and until when. */
export function ExceptionDialog({ onClose }: { readonly onClose: () => void }) {
  const [form, setForm] = useState(EMPTY_EXCEPTION);
  const id = useId();
  const create = useWrite<Draft, Exception>({
    write: (draft) => call('POST', '/exceptions', { body: draft }),
    said: ({ metadata }) => text.created(metadata.name),
    onDone: onClose,
  });
  // What cannot be changed afterwards is looked at before: a write that changes nothing says what is risky in it.
  const check = useMutation({
    mutationFn: (draft: Draft) =>
      call<Written<Exception>>('POST', '/exceptions', { query: { dryRun: true }, body: draft }),
    onSuccess: ({ warnings }, draft) => {
      if (warnings.length === 0) create.mutate(draft);
    },
  });
  const unreadable = useUnreadable();
  const draft = exceptionDraft(form);
  const isWarned = check.isSuccess && check.data.warnings.length > 0 && isSame(check.variables, draft);
  const isPending = check.isPending || create.isPending;
  const mayCreate = !isPending && !unreadable.isAny && isComplete(form);
  const error = check.error ?? create.error;
  const errors = error instanceof ApiError ? error.errors : [];
  const field = (name: keyof ExceptionForm) => ({
    value: form[name],
    problems: problemsAt(errors, name === 'name' ? 'metadata.name' : `spec.${name}`).map(
      ({ message }) => message,
    ),
    onChange: (value: string) => setForm((before) => ({ ...before, [name]: value })),
  });
  return (
    <FormDialog
      title={text.addTitle}
      isChanged={unreadable.isAny || !isSame(form, EMPTY_EXCEPTION)}
      save={
        <Button type="submit" form={id} variant="warning" isLoading={isPending} isDisabled={!mayCreate}>
          {isWarned ? text.addAnyway : text.add}
        </Button>
      }
      onClose={onClose}
    >
      <Form
        id={id}
        onSubmit={(event) => {
          event.preventDefault();
          if (!mayCreate) return;
          if (isWarned) create.mutate(draft);
          else check.mutate(draft);
        }}
      >
        <Alert component="h2" isInline variant="warning" title={words.warning}>
          {text.immutable}
        </Alert>
        {error !== null && <ProblemAlert error={error} errors={problemsElsewhere(errors, FIELDS)} />}
        <TextField label={words.name} help={words.nameHelp} isRequired {...field('name')} />
        <LinesField
          label={words.namespaces}
          help={words.namespacesHelp}
          isRequired
          rows={2}
          {...field('namespaces')}
        />
        <LinesField label={words.images} help={words.imagesHelp} isRequired rows={2} {...field('images')} />
        <LinesField label={words.policies} help={words.policiesHelp} rows={2} {...field('policies')} />
        <LinesField
          label={words.reason}
          help={words.reasonHelp}
          isRequired
          isCode={false}
          rows={2}
          {...field('reason')}
        />
        <UnreadableFields report={unreadable.report}>
          <TimeField label={words.expires} help="" presets={PRESETS} {...field('expiresAt')} />
        </UnreadableFields>
        {isWarned && (
          <Alert component="h2" isInline variant="warning" title={text.checkFirst} role="alert">
            {check.data.warnings.map((warning) => (
              <p key={warning} className="cs-wrap">
                {warning}
              </p>
            ))}
          </Alert>
        )}
      </Form>
    </FormDialog>
  );
}
