import { Alert, Button, Form } from '@patternfly/react-core';
import { useId, useState } from 'react';
import type { Exception } from '../../admin/schemas/resources.ts';
import { call } from '../api/http.ts';
import { ApiError, problemsAt, problemsElsewhere } from '../api/problem.ts';
import { useWrite } from '../api/writes.ts';
import type { Draft } from '../api/written.ts';
import { EXCEPTION_PRESETS } from '../shared/local-time.ts';
import { ProblemAlert } from '../shared/problem-alert.tsx';
import { LinesField, TextField } from '../shared/text-field.tsx';
import { TimeField } from '../shared/time-field.tsx';
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
  const errors = create.error instanceof ApiError ? create.error.errors : [];
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
      isChanged={!isSame(form, EMPTY_EXCEPTION)}
      save={
        <Button
          type="submit"
          form={id}
          variant="warning"
          isLoading={create.isPending}
          isDisabled={create.isPending || !isComplete(form)}
        >
          {text.add}
        </Button>
      }
      onClose={onClose}
    >
      <Form
        id={id}
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate(exceptionDraft(form));
        }}
      >
        <Alert component="h2" isInline variant="warning" title={words.warning}>
          {text.immutable}
        </Alert>
        {create.isError && <ProblemAlert error={create.error} errors={problemsElsewhere(errors, FIELDS)} />}
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
        <TimeField label={words.expires} help="" presets={PRESETS} {...field('expiresAt')} />
      </Form>
    </FormDialog>
  );
}
