import { Button, Title } from '@patternfly/react-core';
import { useMutation } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { VerificationEntry } from '../../admin/schemas/history.ts';
import type { Assessment } from '../../admin/schemas/verify.ts';
import { call } from '../api/http.ts';
import { ExplainTree } from '../explain/explain-tree.tsx';
import { verificationTree } from '../explain/verification-tree.ts';
import { formatMilliseconds } from '../format/number.ts';
import { usePermissions } from '../session/session.tsx';
import { ActionButton } from '../shared/action-button.tsx';
import { Facts } from '../shared/facts.tsx';
import { ProblemAlert } from '../shared/problem-alert.tsx';
import { VerifyAnswer } from '../try/verify-answer.tsx';
import { strings } from '../strings.ts';

const text = strings.history;
const { facts } = text;

/** Why an image was what it was; and, when asked, what it would be now. */
export function VerificationDetails({ row }: { readonly row: VerificationEntry }) {
  const root = useMemo(() => verificationTree(row), [row]);
  return (
    <div className="cs-stack">
      <Title headingLevel="h2" size="md">
        {text.recorded}
      </Title>
      <div className="cs-grid">
        <div className="cs-two-thirds">
          <ExplainTree root={root} label={text.recorded} />
        </div>
        <div className="cs-third">
          <RecordedFacts row={row} />
        </div>
      </div>
      <ExplainNow image={imageOf(row)} />
    </div>
  );
}

/** As it was resolved then: a tag may mean something else by now. */
function imageOf({ image, digest }: VerificationEntry): string {
  return digest === undefined || image.includes('@') ? image : `${image}@${digest}`;
}

function ExplainNow({ image }: { readonly image: string }) {
  const { verify: isAllowed } = usePermissions();
  const explain = useMutation({
    mutationFn: () => call<Assessment>('POST', '/verify', { body: { image, explain: true } }),
  });
  const [result] = explain.data?.results ?? [];
  return (
    <div className="cs-stack" aria-live="polite" aria-busy={explain.isPending}>
      <div className="cs-row">
        {isAllowed ? (
          <Button
            variant="secondary"
            isLoading={explain.isPending}
            isDisabled={explain.isPending}
            onClick={() => explain.mutate()}
          >
            {explain.isPending ? text.explaining : text.explainNow}
          </Button>
        ) : (
          <ActionButton isAllowed={false} variant="secondary">
            {text.explainNow}
          </ActionButton>
        )}
        <span className="cs-quiet">{text.explainHelp}</span>
      </div>
      {explain.isError && <ProblemAlert error={explain.error} />}
      {result !== undefined && (
        <>
          <Title headingLevel="h2" size="md">
            {text.explainedNow}
          </Title>
          <VerifyAnswer key={explain.data?.assessmentId} result={result} />
        </>
      )}
    </div>
  );
}

function RecordedFacts({ row }: { readonly row: VerificationEntry }) {
  return (
    <Facts
      facts={[
        [facts.by, row.user],
        [facts.operation, row.operation],
        [facts.mode, strings.modes[row.mode].name],
        [facts.latency, formatMilliseconds(row.latencyMilliseconds)],
        [facts.snapshot, row.snapshot === undefined ? undefined : String(row.snapshot)],
        [facts.replica, row.replica],
        [facts.assessment, <code key="assessment">{row.assessmentId}</code>],
        [facts.exception, row.exception],
      ]}
    />
  );
}
