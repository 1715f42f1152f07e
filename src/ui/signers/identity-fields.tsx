import { Button, Spinner } from '@patternfly/react-core';
import { useMutation, useQuery } from '@tanstack/react-query';
import type { KeyAnswer } from '../../admin/schemas/keys.ts';
import { call } from '../api/http.ts';
import { ApiError } from '../api/problem.ts';
import { useTrustRoots } from '../api/queries.ts';
import { usePermissions } from '../session/session.tsx';
import { ActionButton } from '../shared/action-button.tsx';
import { ChoiceField } from '../shared/choice-field.tsx';
import { useDebounced } from '../shared/debounced.ts';
import { PairLinesField } from '../shared/list-field.tsx';
import { ProblemAlert } from '../shared/problem-alert.tsx';
import { LinesField, TextField } from '../shared/text-field.tsx';
import { strings } from '../strings.ts';
import { KeyPreview } from './key-preview.tsx';
import { MatcherField } from './matcher-field.tsx';
import type { SignerForm } from './signer-draft.ts';

const text = strings.signers.form;
/** Milliseconds after the last key stroke in which a key is read. */
const TYPING = 400;

interface FieldsProps {
  readonly form: SignerForm;
  readonly change: (change: Partial<SignerForm>) => void;
  /** Messages for a field of the document. */
  readonly problems: (...fields: readonly string[]) => readonly string[];
}

export function KeylessFields({ form, change, problems }: FieldsProps) {
  const roots = useTrustRoots();
  return (
    <>
      <MatcherField
        label={text.issuer}
        help={text.issuerHelp}
        value={form.issuer}
        problems={problems('spec.issuer', 'spec.issuerRegExp')}
        onChange={(issuer) => change({ issuer })}
      />
      <MatcherField
        label={text.subject}
        help={text.subjectHelp}
        value={form.subject}
        problems={problems('spec.subject', 'spec.subjectRegExp')}
        onChange={(subject) => change({ subject })}
      />
      <PairLinesField
        label={text.extensions}
        help={text.extensionsHelp}
        value={form.extensions}
        problems={problems('spec.extensions')}
        onChange={(extensions) => change({ extensions })}
      />
      <ChoiceField
        label={text.trustRoot}
        value={form.trustRoot}
        choices={[
          { value: '', label: text.trustRootDefault },
          ...(roots.data?.items ?? []).map(({ metadata: { name } }) => ({ value: name, label: name })),
        ]}
        problems={problems('spec.trustRootRef')}
        onChange={(trustRoot) => change({ trustRoot })}
      />
    </>
  );
}

/** A key that is pasted is read as it stands there. */
export function PublicKeyFields({
  form,
  change,
  problems,
  isInSecret,
}: FieldsProps & { readonly isInSecret: boolean }) {
  const pem = useDebounced(form.pem.trim(), TYPING);
  const key = useQuery({
    queryKey: ['key', pem],
    queryFn: ({ signal }) => call<KeyAnswer>('POST', '/keys/resolve', { body: { pem }, signal }),
    enabled: pem !== '',
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const known = problems('spec.publicKey');
  return (
    <>
      <LinesField
        label={text.pem}
        help={isInSecret ? text.secretRef : text.pemHelp}
        value={form.pem}
        rows={6}
        isRequired={!isInSecret}
        placeholder="-----BEGIN PUBLIC KEY-----"
        problems={known.length > 0 || !key.isError ? known : wordsOf(key.error)}
        onChange={(next) => change({ pem: next })}
      />
      <div aria-live="polite">
        {key.isFetching && (
          <span className="cs-row">
            <Spinner size="sm" aria-hidden="true" /> {text.pemReading}
          </span>
        )}
        {key.data !== undefined && pem !== '' && <KeyPreview keys={key.data.keys} />}
      </div>
    </>
  );
}

export function KeyReferenceFields({ form, change, problems }: FieldsProps) {
  const { resolveKeys } = usePermissions();
  const resolve = useMutation({
    mutationFn: (uri: string) => call<KeyAnswer>('POST', '/keys/resolve', { body: { uri } }),
  });
  const uri = form.uri.trim();
  return (
    <>
      <TextField
        label={text.uri}
        help={text.uriHelp}
        value={form.uri}
        isCode
        isRequired
        problems={problems('spec.keyRef')}
        onChange={(next) => {
          resolve.reset();
          change({ uri: next });
        }}
      />
      <div className="cs-stack" aria-live="polite">
        {resolveKeys ? (
          <Button
            variant="secondary"
            className="cs-fit"
            isLoading={resolve.isPending}
            isDisabled={uri === '' || resolve.isPending}
            onClick={() => resolve.mutate(uri)}
          >
            {resolve.isPending ? text.resolving : text.resolve}
          </Button>
        ) : (
          <ActionButton isAllowed={false} reason={text.noResolve} variant="secondary" className="cs-fit">
            {text.resolve}
          </ActionButton>
        )}
        {resolve.isError && <ProblemAlert error={resolve.error} />}
        {resolve.data !== undefined && <KeyPreview keys={resolve.data.keys} />}
      </div>
    </>
  );
}

function wordsOf(error: Error): readonly string[] {
  if (error instanceof ApiError && error.errors.length > 0) return error.errors.map(({ message }) => message);
  return [error.message];
}
