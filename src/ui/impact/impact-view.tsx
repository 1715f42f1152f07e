import { Alert, Label, Spinner } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import type { ImpactAnswer, ImpactQuestion } from '../../admin/schemas/impact.ts';
import { ProblemAlert } from '../shared/problem-alert.tsx';
import { Time } from '../shared/time.tsx';
import { strings } from '../strings.ts';
import { useImpact } from './impact.ts';

const text = strings.impact;

/** Who would be told something else after a change. */
export function ImpactView({
  question,
  none = text.none,
}: {
  readonly question: ImpactQuestion;
  /** What to say when nobody is. */
  readonly none?: string;
}) {
  const { data, isError, error, refetch } = useImpact(question);
  return (
    <div aria-live="polite" aria-busy={data === undefined && !isError}>
      {isError && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {data === undefined && !isError && (
        <div className="cs-row">
          <Spinner size="md" aria-hidden="true" /> {text.running}
        </div>
      )}
      {data !== undefined && <Answer answer={data} none={none} />}
    </div>
  );
}

function Answer({ answer, none }: { readonly answer: ImpactAnswer; readonly none: string }) {
  const { affected, source, images, workloads, asOf, isComplete } = answer;
  if (source === 'none')
    return <Alert isInline isPlain variant="info" component="h3" title={text.noSource} />;
  return (
    <div className="cs-stack">
      <Alert
        isInline
        isPlain
        component="h3"
        variant={affected.length === 0 ? 'success' : 'warning'}
        title={affected.length === 0 ? none : text.count(affected.length)}
      >
        {text.summary(images, workloads)}. {text.asOf} <Time at={asOf} form="full" />.{' '}
        {source === 'cluster' ? text.fromCluster : text.fromHistory} {!isComplete && text.incomplete}
      </Alert>
      {affected.length > 0 && <AffectedTable affected={affected} />}
    </div>
  );
}

function AffectedTable({ affected }: Pick<ImpactAnswer, 'affected'>) {
  const { columns } = text;
  return (
    <div className="cs-scroll" tabIndex={0} role="group" aria-label={text.title}>
      <Table variant="compact" gridBreakPoint="grid-lg" aria-label={text.title}>
        <Thead>
          <Tr>
            <Th width={25}>{columns.workload}</Th>
            <Th width={30}>{columns.image}</Th>
            <Th>{columns.after}</Th>
            <Th width={30}>{columns.why}</Th>
          </Tr>
        </Thead>
        <Tbody>
          {affected.map(({ namespace, kind, name, image, before, after, code, detail, policy }) => (
            <Tr key={`${namespace} ${kind} ${name} ${image} ${policy ?? ''}`}>
              <Td dataLabel={columns.workload} className="cs-wrap">
                {kind} {namespace}/{name}
              </Td>
              <Td dataLabel={columns.image} className="cs-wrap">
                {image}
              </Td>
              <Td dataLabel={columns.after}>
                <span className="pf-v6-u-screen-reader">{text.outcomes[before]} → </span>
                <Outcome outcome={after} />
              </Td>
              <Td dataLabel={columns.why} className="cs-wrap cs-small">
                {code !== undefined && <code>{code}</code>} {detail}
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
    </div>
  );
}

const OUTCOMES = { admitted: 'success', denied: 'danger', unknown: 'warning' } as const;

function Outcome({ outcome }: { readonly outcome: keyof typeof OUTCOMES }) {
  return (
    <Label status={OUTCOMES[outcome]} isCompact>
      {text.outcomes[outcome]}
    </Label>
  );
}
