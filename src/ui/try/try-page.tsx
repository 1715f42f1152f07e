import { Alert, Button, Card, CardBody, CardTitle, Form } from '@patternfly/react-core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import type { Assessment } from '../../admin/schemas/verify.ts';
import { call } from '../api/http.ts';
import { usePolicies } from '../api/queries.ts';
import { useCurrentSession, usePermissions } from '../session/session.tsx';
import { ChoiceField } from '../shared/choice-field.tsx';
import { CodeText } from '../shared/code-text.tsx';
import { ProblemAlert } from '../shared/problem-alert.tsx';
import { SectionPage } from '../shared/section-page.tsx';
import { EmptyMessage, LoadingState } from '../shared/states.tsx';
import { TextField } from '../shared/text-field.tsx';
import { strings } from '../strings.ts';
import { curlCommand, verifyBody, type VerifyInput } from './curl.ts';
import { VerifyAnswer } from './verify-answer.tsx';

const text = strings.tryImage;

/** Has an image verified as the webhook would, and shows why. */
export function TryPage() {
  const [params] = useSearchParams();
  const [input, setInput] = useState<VerifyInput>({
    image: params.get('image') ?? '',
    namespace: params.get('namespace') ?? '',
    policy: '',
  });
  const { mode } = useCurrentSession();
  const verify = useMutation({
    mutationFn: (asked: VerifyInput) =>
      call<Assessment>('POST', '/verify', { body: { ...verifyBody(asked), explain: true } }),
  });
  const [result] = verify.data?.results ?? [];
  return (
    <SectionPage title={text.title} lead={text.lead}>
      <div className="cs-grid">
        <div className="cs-third cs-stack">
          <InputForm
            input={input}
            isPending={verify.isPending}
            onChange={(change) => setInput({ ...input, ...change })}
            onSubmit={() => verify.mutate(input)}
          />
          {input.image.trim() !== '' && (
            <Card>
              <CardTitle component="h2">{text.curl}</CardTitle>
              <CardBody>
                <CodeText label={text.curlLabel} text={curlCommand(input, location.origin, mode)} />
              </CardBody>
            </Card>
          )}
        </div>
        <div className="cs-two-thirds" aria-live="polite" aria-busy={verify.isPending}>
          {verify.isPending && <LoadingState rows={8} />}
          {verify.isError && <ProblemAlert error={verify.error} />}
          {!verify.isPending && result !== undefined && (
            <VerifyAnswer key={verify.data?.assessmentId} result={result} />
          )}
          {verify.isIdle && <EmptyMessage title={text.emptyTitle} body={text.emptyBody} />}
        </div>
      </div>
    </SectionPage>
  );
}

function InputForm({
  input,
  isPending,
  onChange,
  onSubmit,
}: {
  readonly input: VerifyInput;
  readonly isPending: boolean;
  readonly onChange: (change: Partial<VerifyInput>) => void;
  readonly onSubmit: () => void;
}) {
  const policies = usePolicies();
  const { verify: isAllowed } = usePermissions();
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {!isAllowed && <Alert component="h2" isInline variant="info" title={text.notAllowed} />}
      <TextField
        label={text.image}
        help={text.imageHelp}
        value={input.image}
        isRequired
        isCode
        onChange={(image) => onChange({ image })}
      />
      <TextField
        label={text.namespace}
        help={text.namespaceHelp}
        value={input.namespace}
        onChange={(namespace) => onChange({ namespace })}
      />
      <ChoiceField
        label={text.policy}
        value={input.policy}
        choices={[
          { value: '', label: text.anyPolicy },
          ...(policies.data?.items ?? []).map(({ metadata: { namespace, name } }) => {
            const whole = namespace === undefined ? name : `${namespace}/${name}`;
            return { value: whole, label: whole };
          }),
        ]}
        onChange={(policy) => onChange({ policy })}
      />
      <Button
        type="submit"
        className="cs-fit"
        isLoading={isPending}
        isDisabled={isPending || input.image.trim() === '' || (!isAllowed && input.namespace.trim() === '')}
      >
        {isPending ? text.running : text.submit}
      </Button>
    </Form>
  );
}
