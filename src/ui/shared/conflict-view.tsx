import { Alert, Button } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/http.ts';
import { strings } from '../strings.ts';
import { DiffView } from './diff-view.tsx';
import { Loaded } from './states.tsx';
import { draftYaml } from './yaml-text.ts';
import type { Draft } from '../api/written.ts';

const text = strings.conflict;

/** The least that every document has. */
export interface Stored {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>> | undefined;
  };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Somebody else was faster: both versions, and the choice between them. */
export function ConflictView<T extends Stored>({
  path,
  mine,
  isSaving,
  onReload,
  onReapply,
}: {
  /** Of the document in the API. */
  readonly path: string;
  readonly mine: Draft;
  readonly isSaving: boolean;
  readonly onReload: (stored: T) => void;
  readonly onReapply: (version: string) => void;
}) {
  const stored = useQuery({
    queryKey: ['conflict', path],
    queryFn: ({ signal }) => get<T>(path, { signal }),
    staleTime: 0,
    gcTime: 0,
  });
  return (
    <div className="cs-stack">
      <Alert component="h2" isInline variant="warning" title={text.title} role="alert">
        {text.body}
      </Alert>
      <Loaded query={stored}>
        {(data) => (
          <>
            <DiffView
              before={draftYaml(data)}
              after={draftYaml(mine)}
              label={`${text.stored}, ${text.mine}`}
            />
            <div className="cs-row">
              <Button variant="primary" isDisabled={isSaving} onClick={() => onReload(data)}>
                {text.reload}
              </Button>
              <Button
                variant="secondary"
                isDanger
                isLoading={isSaving}
                isDisabled={isSaving}
                onClick={() => onReapply(data.metadata.resourceVersion)}
              >
                {text.reapply}
              </Button>
            </div>
          </>
        )}
      </Loaded>
    </div>
  );
}
