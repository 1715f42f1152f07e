import { Alert, Button, Card, CardBody, CardTitle, Label, Spinner } from '@patternfly/react-core';
import { useMemo, useState } from 'react';
import type { ImpactQuestion } from '../../admin/schemas/impact.ts';
import type { Policy } from '../../admin/schemas/resources.ts';
import { problemsAt } from '../api/problem.ts';
import { ImpactView } from '../impact/impact-view.tsx';
import { ActionButton } from '../shared/action-button.tsx';
import { FindingsAlert, ManagedByAlert } from '../shared/document-alerts.tsx';
import { ProblemAlert } from '../shared/problem-alert.tsx';
import { UnreadableFields, useUnreadable } from '../shared/unreadable.tsx';
import { YamlEditor } from '../shared/yaml-editor.tsx';
import { strings } from '../strings.ts';
import { DiscardDialog } from '../unsaved/discard-dialog.tsx';
import { forgetUnsaved, useUnsaved } from '../unsaved/unsaved.ts';
import { usePolicyCheck, type PolicyCheck } from './policy-check.ts';
import { PolicyConflict } from './policy-conflict.tsx';
import { isWeaker, modeOf, NEW_POLICY, policyText, targetOf } from './policy-document.ts';
import { PolicyForm } from './policy-form.tsx';
import { editText, fieldOf, isSameDocument, lineOf, readText } from './policy-text.ts';
import { useSavePolicy } from './policy-writes.ts';
import { ModeDialog } from './mode-dialog.tsx';

const text = strings.policies;

/** A policy as a form and as YAML, of which the YAML is the document. @param policy undefined = a new one */
export function PolicyEditor({
  policy: opened,
  isAllowed,
  onCreated,
}: {
  readonly policy: Policy | undefined;
  readonly isAllowed: boolean;
  readonly onCreated: (policy: Policy) => void;
}) {
  const [base, setBase] = useState(opened);
  const [yaml, setYaml] = useState(() => (opened === undefined ? NEW_POLICY : policyText(opened)));
  /** What somebody would lose nothing of. */
  const [kept, setKept] = useState(yaml);
  const isChanged = useMemo(() => isAllowed && !isSameDocument(yaml, kept), [isAllowed, yaml, kept]);
  const unreadable = useUnreadable();
  const leaving = useUnsaved(isChanged || unreadable.isAny);
  const [question, setQuestion] = useState<ImpactQuestion>();
  const [isConfirming, setConfirming] = useState(false);
  const reading = useMemo(() => readText(yaml), [yaml]);
  const version = base?.metadata.resourceVersion;
  const check = usePolicyCheck(reading.value, version, isAllowed && yaml !== NEW_POLICY);
  const save = useSavePolicy(({ document }, { text: saved }) => {
    setConfirming(false);
    setKept(saved);
    if (document === undefined) return;
    if (base === undefined) {
      forgetUnsaved();
      onCreated(document);
    } else setBase(document);
  });
  const lines = [
    ...reading.problems,
    ...check.errors.map(({ field, message }) => ({
      line: lineOf(yaml, field),
      message: `${field}: ${message}`,
    })),
  ];
  const { value } = reading;
  const before = modeOf(base);
  const mode = modeOf(value);
  const maySave =
    !save.isPending &&
    value !== undefined &&
    check.state !== 'conflict' &&
    lines.length === 0 &&
    !unreadable.isAny;
  const store = (over = version) => value !== undefined && save.mutate({ value, text: yaml, version: over });
  const confirmOrStore = () => {
    if (before !== undefined && mode !== undefined && isWeaker(mode, before)) setConfirming(true);
    else store();
  };
  return (
    <div className="cs-stack">
      <ManagedByAlert managedBy={base?.metadata.managedBy} />
      {!isAllowed && <Alert component="h2" isInline variant="info" title={text.viewOnly} />}
      <FindingsAlert problems={[]} warnings={check.warnings} />
      {save.isError && !isConfirming && <ProblemAlert error={save.error} />}
      {check.state === 'conflict' && value !== undefined && (
        <PolicyConflict
          value={value}
          isSaving={save.isPending}
          onReload={(stored) => {
            setBase(stored);
            setYaml(policyText(stored));
            setKept(policyText(stored));
          }}
          onReapply={store}
        />
      )}
      <div className="cs-row">
        <ActionButton
          isAllowed={isAllowed}
          isLoading={save.isPending}
          isDisabled={!maySave}
          onClick={confirmOrStore}
        >
          {base === undefined ? strings.app.create : strings.app.save}
        </ActionButton>
        <Button
          variant="secondary"
          isDisabled={value === undefined}
          onClick={() => setQuestion({ change: { put: { ...value } } })}
        >
          {strings.impact.run}
        </Button>
        <CheckState check={check} lines={lines.length} />
      </div>
      {question !== undefined && (
        <Card>
          <CardTitle component="h2">{strings.impact.title}</CardTitle>
          <CardBody>
            <ImpactView question={question} />
          </CardBody>
        </Card>
      )}
      <div className="cs-editor" hidden={check.state === 'conflict'}>
        <section aria-label={text.form}>
          {value === undefined ? (
            <Alert component="h2" isInline variant="info" title={text.unreadable} />
          ) : (
            <UnreadableFields report={unreadable.report}>
              <PolicyForm
                value={value}
                isNew={base === undefined}
                isReadOnly={!isAllowed}
                problems={(path) => problemsAt(check.errors, fieldOf(path)).map(({ message }) => message)}
                edit={(edits) =>
                  setYaml((now) => edits.reduce((at, [path, next]) => editText(at, path, next), now))
                }
              />
            </UnreadableFields>
          )}
        </section>
        <section aria-label={text.yaml} className="cs-editor__text">
          <p className="cs-quiet cs-small">{text.yamlHelp}</p>
          <YamlEditor
            label={text.yamlLabel}
            value={yaml}
            problems={lines}
            isReadOnly={!isAllowed}
            onChange={setYaml}
          />
        </section>
      </div>
      {leaving.state === 'blocked' && (
        <DiscardDialog onDiscard={() => leaving.proceed()} onKeep={() => leaving.reset()} />
      )}
      {isConfirming && before !== undefined && mode !== undefined && value !== undefined && (
        <ModeDialog
          name={targetOf(value).name}
          before={before}
          mode={mode}
          value={value}
          isPending={save.isPending}
          error={save.error}
          onConfirm={() => store()}
          onClose={() => setConfirming(false)}
        />
      )}
    </div>
  );
}

/** Whether the server would take the document as it stands there. */
function CheckState({ check, lines }: { readonly check: PolicyCheck; readonly lines: number }) {
  return (
    <span role="status" className="cs-row">
      {lines > 0 && <Label status="danger">{text.invalid(lines)}</Label>}
      {lines === 0 && check.state === 'checking' && (
        <>
          <Spinner size="sm" aria-hidden="true" /> {text.checking}
        </>
      )}
      {lines === 0 && check.state === 'valid' && <Label status="success">{text.valid}</Label>}
      {lines === 0 && (check.state === 'invalid' || check.state === 'failed') && (
        <Label status="warning" className="cs-wrap">
          {check.error?.message ?? text.unchecked}
        </Label>
      )}
    </span>
  );
}
