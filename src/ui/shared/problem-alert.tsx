import { Alert, AlertActionLink, List, ListItem } from '@patternfly/react-core';
import { useEffect, useRef } from 'react';
import type { FieldProblem } from '../../admin/problem.ts';
import { ApiError } from '../api/problem.ts';
import { strings } from '../strings.ts';

/** What went wrong, in the server's words. */
export function ProblemAlert({
  error,
  errors,
  onRetry,
}: {
  readonly error: unknown;
  /** Those that stand at no field; all of them unless told. */
  readonly errors?: readonly FieldProblem[] | undefined;
  readonly onRetry?: (() => void) | undefined;
}) {
  const { title, detail, fields } = wordsOf(error);
  const shown = errors ?? fields;
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Whoever pressed a button at the end of a long form sees the answer at its beginning.
    place.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  return (
    <div ref={place}>
      <Alert
        component="h2"
        isInline
        variant="danger"
        title={title}
        role="alert"
        {...(onRetry !== undefined && {
          actionLinks: <AlertActionLink onClick={onRetry}>{strings.app.retry}</AlertActionLink>,
        })}
      >
        <p className="cs-wrap">{detail}</p>
        {shown.length > 0 && (
          <List className="cs-wrap">
            {shown.map(({ field, message }) => (
              <ListItem key={`${field} ${message}`}>
                {field === '' ? (
                  message
                ) : (
                  <>
                    <code>{field}</code>: {message}
                  </>
                )}
              </ListItem>
            ))}
          </List>
        )}
      </Alert>
    </div>
  );
}

function wordsOf(error: unknown): { title: string; detail: string; fields: readonly FieldProblem[] } {
  if (error instanceof ApiError) {
    return { title: error.title, detail: error.message, fields: error.errors };
  }
  return { title: strings.app.failed, detail: error instanceof Error ? error.message : '', fields: [] };
}
