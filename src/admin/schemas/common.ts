import * as z from 'zod';

/** RFC 3339 in UTC, as every time of the API. */
export const timeSchema = z.string().meta({ format: 'date-time' });

/** What `?dryRun=true` means for every write: everything is checked, nothing is changed. */
export const dryRunQuery = z.strictObject({
  dryRun: z.enum(['true', 'false']).default('false').describe('true: check everything, change nothing.'),
});

/** `"<resourceVersion>"`, as `ETag` had it. */
export const ifMatchHeader = z.strictObject({
  'if-match': z
    .string()
    .max(256)
    .regex(/^"[^"]+"$/, 'must be the ETag of the document as you saw it, in its quotes')
    .optional(),
});

export const modeSchema = z.enum(['Enforce', 'Warn', 'Audit']);
export const verdictSchema = z.enum(['verified', 'violated', 'faulted']).meta({ id: 'Verdict' });

/** A parameter that is a whole number, in decimal digits alone: `Number` also takes "", "0x10", "1e2" and " 5 " for one. */
export function wholeNumberQuery(min: number, max: number) {
  return z.preprocess(
    (text) => (typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : text),
    z.int().min(min).max(max),
  );
}

export const pageQuery = {
  cursor: z.string().max(256).optional().describe('`next` of the page before.'),
  limit: wholeNumberQuery(1, 500).default(50),
};

/** Of a Kubernetes namespace: an RFC 1123 label. */
export const namespaceSchema = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be the name of a namespace');
