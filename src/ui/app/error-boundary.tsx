import { PageSection } from '@patternfly/react-core';
import { Component, type ReactNode } from 'react';
import { ProblemAlert } from '../shared/problem-alert.tsx';

interface State {
  readonly error: Error | undefined;
}

/** A section that fails leaves the others alone. Also: a chunk that a newer version of the server no longer has. */
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, State> {
  override state: State = { error: undefined };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <PageSection hasBodyWrapper={false}>
        <ProblemAlert error={error} onRetry={() => location.reload()} />
      </PageSection>
    );
  }
}
