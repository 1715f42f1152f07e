import {
  Bullseye,
  Button,
  EmptyState,
  EmptyStateActions,
  EmptyStateBody,
  EmptyStateFooter,
  Skeleton,
  Spinner,
} from '@patternfly/react-core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ComponentType, ReactNode } from 'react';
import { isProblem } from '../api/problem.ts';
import { strings } from '../strings.ts';
import { ProblemAlert } from './problem-alert.tsx';

/** What a query has brought, or what it is waiting for, or why it failed. */
export function Loaded<T>({
  query,
  children,
  rows = 5,
}: {
  readonly query: UseQueryResult<T>;
  readonly children: (data: T) => ReactNode;
  /** Lines of the placeholder. */
  readonly rows?: number;
}) {
  if (query.data !== undefined) {
    return (
      <>
        {query.isError && <ProblemAlert error={query.error} onRetry={() => void query.refetch()} />}
        {children(query.data)}
      </>
    );
  }
  if (query.isError) return <FailedState error={query.error} onRetry={() => void query.refetch()} />;
  return <LoadingState rows={rows} />;
}

export function FailedState({ error, onRetry }: { readonly error: unknown; readonly onRetry: () => void }) {
  if (isProblem(error, 'FORBIDDEN')) return <EmptyMessage title={error.title} body={error.message} />;
  if (isProblem(error, 'HISTORY_OFF')) {
    return <EmptyMessage title={strings.history.off.title} body={strings.history.off.body} />;
  }
  return <ProblemAlert error={error} onRetry={onRetry} />;
}

export function LoadingState({ rows = 5 }: { readonly rows?: number }) {
  return (
    <div className="cs-loading" role="status">
      <span className="pf-v6-u-screen-reader">{strings.app.loading}</span>
      {Array.from({ length: rows }, (_, index) => (
        <Skeleton key={index} height="1.5rem" width={`${100 - (index % 3) * 12}%`} />
      ))}
    </div>
  );
}

export function WholePageLoading() {
  return (
    <Bullseye className="cs-whole-page">
      <Spinner aria-label={strings.app.loading} />
    </Bullseye>
  );
}

export function EmptyMessage({
  title,
  body,
  icon,
  action,
}: {
  readonly title: string;
  readonly body: string;
  readonly icon?: ComponentType | undefined;
  readonly action?: { readonly label: string; readonly onClick: () => void } | undefined;
}) {
  return (
    <EmptyState titleText={title} headingLevel="h2" variant="sm" {...(icon !== undefined && { icon })}>
      <EmptyStateBody>{body}</EmptyStateBody>
      {action !== undefined && (
        <EmptyStateFooter>
          <EmptyStateActions>
            <Button onClick={action.onClick}>{action.label}</Button>
          </EmptyStateActions>
        </EmptyStateFooter>
      )}
    </EmptyState>
  );
}
