import { Refusal } from '../errors.ts';
import { quote } from '../image/quote.ts';

/** Kubernetes' label selector: all parts must hold, and one without parts selects everything. */
export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly LabelRequirement[];
  matches(labels: Readonly<Record<string, string>>): boolean;
}

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

export const LABEL_OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;
export type LabelOperator = (typeof LABEL_OPERATORS)[number];

/** What a selector looks like once its shape has been checked (`selector-schema.ts`). */
export interface SelectorShape {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined;
  readonly matchExpressions?:
    | readonly {
        readonly key: string;
        readonly operator: LabelOperator;
        readonly values?: readonly string[] | undefined;
      }[]
    | undefined;
}

/**
 * Source of the rules: k8s.io/apimachinery `metav1.LabelSelectorAsSelector` and `labels.NewRequirement`.
 * @throws Refusal MALFORMED for keys and values that no label can have, and for values where the operator takes none
 */
export function labelSelector(shape: SelectorShape): LabelSelector {
  const matchLabels = Object.entries(shape.matchLabels ?? {});
  const matchExpressions = (shape.matchExpressions ?? []).map(({ key, operator, values = [] }) => ({
    key,
    operator,
    values,
  }));
  for (const [key, value] of matchLabels) {
    checkKey(key);
    checkValue(key, value);
  }
  for (const requirement of matchExpressions) checkRequirement(requirement);
  return {
    matchLabels: labelsOf(matchLabels),
    matchExpressions,
    matches: (labels) =>
      matchLabels.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value) &&
      matchExpressions.every((requirement) => holds(requirement, labels)),
  };
}

/** Labels as an object that has nothing but them: no `constructor` and no `__proto__`. */
export function labelsOf(entries: Iterable<readonly [string, string]>): Readonly<Record<string, string>> {
  const labels = Object.create(null) as Record<string, string>;
  for (const [key, value] of entries) labels[key] = value;
  return labels;
}

function holds(
  { key, operator, values }: LabelRequirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      // What has no such label is not in the list either.
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

function checkRequirement({ key, operator, values }: LabelRequirement): void {
  checkKey(key);
  for (const value of values) checkValue(key, value);
  const takesValues = operator === 'In' || operator === 'NotIn';
  if (takesValues === values.length > 0) return;
  throw new Refusal(
    'MALFORMED',
    takesValues
      ? `operator ${operator} of ${quote(key)} needs values`
      : `operator ${operator} of ${quote(key)} takes no values`,
  );
}

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const MAX_PREFIX_CHARS = 253;

function checkKey(key: string): void {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const goodPrefix =
    prefix === undefined || (prefix.length <= MAX_PREFIX_CHARS && DNS_SUBDOMAIN.test(prefix));
  if (goodPrefix && NAME.test(key.slice(slash + 1))) return;
  throw new Refusal('MALFORMED', `${quote(key)} cannot be a label's key`);
}

function checkValue(key: string, value: string): void {
  if (value === '' || NAME.test(value)) return;
  throw new Refusal('MALFORMED', `${quote(value)} cannot be the value of label ${quote(key)}`);
}
