import { Button, ExpandableSection, Form } from '@patternfly/react-core';
import { useState } from 'react';
import { ChoiceField } from '../shared/choice-field.tsx';
import { TextField } from '../shared/text-field.tsx';
import { TimeField } from '../shared/time-field.tsx';
import { UnreadableFields, useUnreadable } from '../shared/unreadable.tsx';
import { strings } from '../strings.ts';
import { hasMoreFilters, NO_FILTER, type HistoryFilter } from './filters.ts';

const text = strings.history.filters;

export function FilterForm({
  filter,
  onApply,
}: {
  readonly filter: HistoryFilter;
  readonly onApply: (filter: HistoryFilter) => void;
}) {
  const [typed, setTyped] = useState(filter);
  const [isOpen, setOpen] = useState(() => hasMoreFilters(filter));
  const unreadable = useUnreadable();
  const [clearings, setClearings] = useState(0);
  const change = (next: Partial<HistoryFilter>) => setTyped((before) => ({ ...before, ...next }));
  return (
    <Form
      className="cs-filters"
      aria-label={text.legend}
      onSubmit={(event) => {
        event.preventDefault();
        if (!unreadable.isAny) onApply(typed);
      }}
    >
      <div className="cs-filters__row">
        <TextField label={text.image} value={typed.image} isCode onChange={(image) => change({ image })} />
        <ChoiceField
          label={text.match}
          value={typed.imageMatch}
          choices={(['part', 'beginning', 'whole'] as const).map((value) => ({
            value: value as string,
            label: text.matches[value],
          }))}
          onChange={(imageMatch) => change({ imageMatch })}
        />
        <ChoiceField
          label={text.verdict}
          value={typed.verdict}
          choices={[
            { value: '', label: text.anyVerdict },
            ...(['verified', 'violated', 'faulted'] as const).map((value) => ({
              value: value as string,
              label: strings.verdicts[value],
            })),
          ]}
          onChange={(verdict) => change({ verdict })}
        />
        <TextField
          label={text.namespace}
          value={typed.namespace}
          onChange={(namespace) => change({ namespace })}
        />
      </div>
      <ExpandableSection toggleText={text.more} isExpanded={isOpen} onToggle={(_, open) => setOpen(open)}>
        <div className="cs-stack">
          <div className="cs-filters__row">
            <TextField
              label={text.policy}
              help={text.policyHelp}
              value={typed.policy}
              onChange={(policy) => change({ policy })}
            />
            <TextField label={text.signer} value={typed.signer} onChange={(signer) => change({ signer })} />
            <TextField
              label={text.digest}
              value={typed.digest}
              isCode
              onChange={(digest) => change({ digest })}
            />
            <TextField
              label={text.assessmentId}
              value={typed.assessmentId}
              isCode
              onChange={(assessmentId) => change({ assessmentId })}
            />
          </div>
          {/* Cleared, the fields forget what was typed and could not be read. */}
          <div className="cs-filters__row" key={clearings}>
            <UnreadableFields report={unreadable.report}>
              <TimeField label={text.from} help="" value={typed.from} onChange={(from) => change({ from })} />
              <TimeField
                label={text.until}
                help=""
                value={typed.until}
                onChange={(until) => change({ until })}
              />
            </UnreadableFields>
          </div>
        </div>
      </ExpandableSection>
      <div className="cs-row">
        <Button type="submit" variant="secondary" isDisabled={unreadable.isAny}>
          {text.apply}
        </Button>
        <Button
          variant="link"
          onClick={() => {
            setTyped(NO_FILTER);
            setClearings((before) => before + 1);
            onApply(NO_FILTER);
          }}
        >
          {text.clear}
        </Button>
      </div>
    </Form>
  );
}
