import { Button, Label } from '@patternfly/react-core';
import { AngleRightIcon } from '@patternfly/react-icons/dist/esm/icons/angle-right-icon';
import { CheckCircleIcon } from '@patternfly/react-icons/dist/esm/icons/check-circle-icon';
import { CircleIcon } from '@patternfly/react-icons/dist/esm/icons/circle-icon';
import { QuestionCircleIcon } from '@patternfly/react-icons/dist/esm/icons/question-circle-icon';
import { TimesCircleIcon } from '@patternfly/react-icons/dist/esm/icons/times-circle-icon';
import { useState } from 'react';
import { Time } from '../shared/time.tsx';
import { strings } from '../strings.ts';
import { branchIds, closedIds, type TreeNode } from './tree.ts';

const text = strings.explain;

const ICONS = {
  good: CheckCircleIcon,
  bad: TimesCircleIcon,
  unknown: QuestionCircleIcon,
  neutral: CircleIcon,
} as const;

/** The tree of why: every branch can be closed, and nothing in it is more than text. */
export function ExplainTree({ root, label }: { readonly root: TreeNode; readonly label: string }) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(() => new Set(closedIds(root)));
  const toggle = (id: string) =>
    setClosed((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });
  return (
    <div>
      <div className="cs-row">
        <Button variant="link" size="sm" isInline onClick={() => setClosed(new Set())}>
          {text.expandAll}
        </Button>
        <Button variant="link" size="sm" isInline onClick={() => setClosed(new Set(branchIds(root)))}>
          {text.collapseAll}
        </Button>
      </div>
      <ul className="cs-tree" aria-label={label}>
        <Branch node={root} closed={closed} onToggle={toggle} />
      </ul>
    </div>
  );
}

function Branch({
  node,
  closed,
  onToggle,
}: {
  readonly node: TreeNode;
  readonly closed: ReadonlySet<string>;
  readonly onToggle: (id: string) => void;
}) {
  const { id, name, text: words, state, children } = node;
  const isOpen = !closed.has(id);
  const Icon = ICONS[state];
  return (
    <li className={`cs-tree__node cs-tree__node--${state}`}>
      <div className="cs-tree__head">
        {children.length > 0 ? (
          <button
            type="button"
            className="cs-tree__toggle"
            aria-expanded={isOpen}
            aria-label={words === undefined ? name : `${name}: ${words}`}
            onClick={() => onToggle(id)}
          >
            <AngleRightIcon className={isOpen ? 'cs-tree__angle cs-tree__angle--open' : 'cs-tree__angle'} />
          </button>
        ) : (
          <span className="cs-tree__toggle" />
        )}
        <Icon className="cs-tree__icon" aria-hidden="true" />
        <Words node={node} />
      </div>
      {children.length > 0 && isOpen && (
        <ul className="cs-tree">
          {children.map((child) => (
            <Branch key={child.id} node={child} closed={closed} onToggle={onToggle} />
          ))}
        </ul>
      )}
    </li>
  );
}

function Words({ node }: { readonly node: TreeNode }) {
  const { name, text: words, state, code, expected, found, time } = node;
  return (
    <div className="cs-tree__words">
      <span className="cs-tree__name">{name}</span>
      {text.states[state] !== '' && (
        <span className="pf-v6-u-screen-reader"> ({text.states[state]})</span>
      )}{' '}
      {code !== undefined && (
        <Label isCompact variant="outline">
          {code}
        </Label>
      )}{' '}
      {words !== undefined && <span className="cs-tree__text">{words}</span>}{' '}
      {time !== undefined && (
        <span className="cs-quiet">
          <Time at={time} form="full" />
        </span>
      )}
      {expected !== undefined && <Difference term={text.expected} value={expected} />}
      {found !== undefined && <Difference term={text.found} value={found} />}
    </div>
  );
}

function Difference({ term, value }: { readonly term: string; readonly value: string }) {
  return (
    <div className="cs-tree__difference">
      <span className="cs-quiet">{term}</span> <code>{value}</code>
    </div>
  );
}
