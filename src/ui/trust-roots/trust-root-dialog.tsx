import { Button } from '@patternfly/react-core';
import { useState } from 'react';
import type { TrustRootDocument } from '../../admin/schemas/resources.ts';
import { call, segment } from '../api/http.ts';
import { ApiError, isProblem } from '../api/problem.ts';
import { useWrite } from '../api/writes.ts';
import { isSameDocument, lineOf, readText } from '../policies/policy-text.ts';
import { ConflictView } from '../shared/conflict-view.tsx';
import { FindingsAlert, ManagedByAlert } from '../shared/document-alerts.tsx';
import { ProblemAlert } from '../shared/problem-alert.tsx';
import { isRecord, pairsAt, textAt, valueAt, type Json } from '../shared/values.ts';
import { YamlEditor } from '../shared/yaml-editor.tsx';
import { yamlOf } from '../shared/yaml-text.ts';
import { strings } from '../strings.ts';
import { FormDialog } from '../unsaved/form-dialog.tsx';

const text = strings.trustRoots;

const NEW_ROOT = `apiVersion: countersign.dev/v1alpha1
kind: TrustRoot
metadata:
  name: ""
spec:
  # One of trustedRoot (content of a trusted_root.json), publicGood and tuf.
  tuf:
    mirror: https://tuf.example.com
    root: |
      {}
  proofs:
    preset: Private
`;

function yamlText({ apiVersion, kind, metadata: { name, labels }, spec }: TrustRootDocument): string {
  return yamlOf({ apiVersion, kind, metadata: { name, ...(labels !== undefined && { labels }) }, spec });
}

/** Shows a trust root as YAML, and lets it be changed. @param root undefined = a new one */
export function TrustRootDialog({
  root: opened,
  isAllowed,
  onClose,
}: {
  readonly root: TrustRootDocument | undefined;
  readonly isAllowed: boolean;
  readonly onClose: () => void;
}) {
  const [base, setBase] = useState(opened);
  const stored = base === undefined ? NEW_ROOT : yamlText(base);
  const [yaml, setYaml] = useState(stored);
  const { value, problems } = readText(yaml);
  const save = useWrite<{ body: Json; version: string | undefined }, TrustRootDocument>({
    write: ({ body, version }) =>
      version === undefined
        ? call('POST', '/trust-roots', { body })
        : call('PUT', `/trust-roots/${segment(nameOf(body))}`, { body, version }),
    said: ({ body }) => text.saved(nameOf(body)),
    onDone: onClose,
  });
  const errors = save.error instanceof ApiError ? save.error.errors : [];
  const isConflict = isProblem(save.error, 'CHANGED_MEANWHILE');
  const store = (version: string | undefined) => value !== undefined && save.mutate({ body: value, version });
  const title =
    base === undefined ? text.addTitle : (isAllowed ? text.editTitle : text.viewTitle)(nameOf(base));
  const spec = valueAt(value, 'spec');
  return (
    <FormDialog
      title={title}
      variant="large"
      isChanged={isAllowed && !isSameDocument(yaml, stored)}
      isReadOnly={!isAllowed}
      save={
        isAllowed && (
          <Button
            isLoading={save.isPending}
            isDisabled={save.isPending || value === undefined || isConflict}
            onClick={() => store(base?.metadata.resourceVersion)}
          >
            {base === undefined ? strings.app.create : strings.app.save}
          </Button>
        )
      }
      onClose={onClose}
    >
      <div className="cs-stack">
        <ManagedByAlert managedBy={base?.metadata.managedBy} />
        <FindingsAlert problems={base?.problems ?? []} warnings={base?.warnings ?? []} />
        {save.isError && !isConflict && <ProblemAlert error={save.error} errors={[]} />}
        {isConflict && (
          <ConflictView<TrustRootDocument>
            path={`/trust-roots/${segment(nameOf(value))}`}
            mine={{
              metadata: { name: nameOf(value), labels: pairsAt(value, 'metadata', 'labels') },
              spec: isRecord(spec) ? spec : {},
            }}
            isSaving={save.isPending}
            onReload={(newer) => {
              setBase(newer);
              setYaml(yamlText(newer));
              save.reset();
            }}
            onReapply={store}
          />
        )}
        {!isConflict && (
          <YamlEditor
            label={text.yamlLabel}
            value={yaml}
            isReadOnly={!isAllowed}
            problems={[
              ...problems,
              ...errors.map(({ field, message }) => ({
                line: lineOf(yaml, field),
                message: `${field}: ${message}`,
              })),
            ]}
            onChange={setYaml}
          />
        )}
      </div>
    </FormDialog>
  );
}

function nameOf(document: unknown): string {
  return textAt(document, 'metadata', 'name') ?? '';
}
