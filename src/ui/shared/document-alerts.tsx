import { Alert, List, ListItem } from '@patternfly/react-core';
import type { FieldProblem } from '../../admin/problem.ts';
import { strings } from '../strings.ts';

/** Somebody else keeps the document too. */
export function ManagedByAlert({ managedBy }: { readonly managedBy: string | undefined }) {
  if (managedBy === undefined) return null;
  return (
    <Alert component="h2" isInline variant="warning" title={strings.app.managedBy(managedBy)}>
      {strings.app.managedByBody}
    </Alert>
  );
}

/** What is wrong with a stored document, and what is only worth a word. */
export function FindingsAlert({
  problems,
  warnings,
}: {
  readonly problems: readonly FieldProblem[];
  readonly warnings: readonly string[];
}) {
  return (
    <>
      {problems.length > 0 && (
        <Alert component="h2" isInline variant="danger" title={strings.app.problems}>
          <List className="cs-wrap">
            {problems.map(({ field, message }) => (
              <ListItem key={`${field} ${message}`}>
                <code>{field}</code>: {message}
              </ListItem>
            ))}
          </List>
        </Alert>
      )}
      {warnings.length > 0 && (
        <Alert component="h2" isInline variant="info" title={strings.app.warnings}>
          <List className="cs-wrap">
            {warnings.map((warning) => (
              <ListItem key={warning}>{warning}</ListItem>
            ))}
          </List>
        </Alert>
      )}
    </>
  );
}
