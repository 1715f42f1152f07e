import * as z from 'zod';
import { LABEL_OPERATORS } from './label-selector.ts';
import { withRules } from './schema.ts';

const MAX_PARTS = 32;
const MAX_KEY_CHARS = 317;
const MAX_VALUE_CHARS = 63;

const requirement = withRules(
  z
    .strictObject({
      key: z.string().min(1).max(MAX_KEY_CHARS).describe('Key of the label.'),
      operator: z
        .enum(LABEL_OPERATORS)
        .describe(
          'In and NotIn compare with values; Exists and DoesNotExist take none. NotIn also selects what has no such label.',
        ),
      values: z
        .array(z.string().max(MAX_VALUE_CHARS))
        .max(64)
        .describe('Values for In and NotIn.')
        .optional(),
    })
    .describe('One requirement.'),
  [
    {
      cel: "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
      holds: ({ operator, values = [] }) => (operator === 'In' || operator === 'NotIn') === values.length > 0,
      message: 'In and NotIn need values; Exists and DoesNotExist take none',
      field: 'values',
    },
  ],
);

const parts = {
  matchLabels: z
    .record(z.string().max(MAX_KEY_CHARS), z.string().max(MAX_VALUE_CHARS))
    .refine((labels) => Object.keys(labels).length <= MAX_PARTS, {
      error: `must have at most ${MAX_PARTS} labels`,
    })
    .meta({ description: 'Labels that must be there with these values.', maxProperties: MAX_PARTS })
    .optional(),
  matchExpressions: z
    .array(requirement)
    .max(MAX_PARTS)
    .describe('Requirements that must all hold.')
    .optional(),
};

/** Kubernetes' label selector; one without parts selects everything. */
export function selectorSchema(description: string) {
  return z.strictObject(parts).describe(description);
}

/** A selector that must ask for something: where selecting everything would mean trusting everybody. */
export function nonEmptySelectorSchema(description: string) {
  return withRules(selectorSchema(description), [
    {
      cel: '(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)',
      holds: ({ matchLabels = {}, matchExpressions = [] }) =>
        Object.keys(matchLabels).length > 0 || matchExpressions.length > 0,
      message: 'must not be empty: it would select every TrustedSigner',
    },
  ]);
}
