import { own, type JsonObject } from '../image/pod.ts';
import { GROUP, VERSION, type Inspection } from './envelope.ts';
import { isJsonObject, unknownFields } from './field-problems.ts';
import { inspectResource } from './resource.ts';
import type { Problem, SigningPolicy } from './resources.ts';
import { unique } from './read-trusted-key.ts';

/** The form in which signing policies were first asked for; see the user story in `docs/`. */
const FORM = 'signing_policy';
const POLICY_FIELDS: readonly string[] = ['require_signature', 'trusted_keys'];
const KEY_FIELDS: readonly string[] = ['keyless', 'issuer', 'subject', 'public_key'];

export function isOriginalForm(document: unknown): document is JsonObject {
  return isJsonObject(document) && Object.hasOwn(document, FORM);
}

/**
 * `signing_policy: {require_signature, trusted_keys: [{keyless, issuer, subject} | {public_key}]}` as one Enforce policy for
 * every image. It goes through the same reader as the resources; its problems name the fields as they were written.
 */
export function inspectOriginalForm(document: JsonObject, name: string): Inspection {
  const form = own(document, FORM);
  const problems = unknownFields(document, [FORM], '');
  if (isJsonObject(form)) {
    problems.push(...unknownFields(form, POLICY_FIELDS, FORM));
    const keys = own(form, 'trusted_keys');
    if (Array.isArray(keys)) problems.push(...keys.flatMap(unknownKeyFields));
  } else {
    problems.push({ field: FORM, message: 'must be an object' });
  }
  const spec = specOfOriginalForm(document);
  const apiVersion = `${GROUP}/${VERSION}`;
  const converted = inspectResource({ apiVersion, kind: 'ClusterSigningPolicy', metadata: { name }, spec });
  const policy = converted.resource as SigningPolicy;
  const policyProblems = unique([...problems, ...policy.problems.map(asWritten)]);
  const resource = {
    ...policy,
    rules: policyProblems.length === 0 ? policy.rules : undefined,
    problems: policyProblems,
  };
  return { resource, problems: unique([...policyProblems, ...converted.problems.map(asWritten)]) };
}

/** The spec of a ClusterSigningPolicy that says the same. */
export function specOfOriginalForm(document: JsonObject): Readonly<Record<string, unknown>> {
  const form = own(document, FORM);
  const spec: Record<string, unknown> = { mode: 'Enforce' };
  if (!isJsonObject(form)) return spec;
  const keys = own(form, 'trusted_keys');
  copy(form, 'require_signature', spec, 'requireSignature');
  if (keys !== undefined) spec['trustedKeys'] = Array.isArray(keys) ? keys.map((key) => keyOf(key)) : keys;
  return spec;
}

function keyOf(key: unknown): unknown {
  if (!isJsonObject(key)) return key;
  const entry: Record<string, unknown> = {};
  for (const field of ['keyless', 'issuer', 'subject']) copy(key, field, entry, field);
  const pem = own(key, 'public_key');
  if (pem !== undefined) entry['publicKey'] = { pem };
  return entry;
}

function unknownKeyFields(key: unknown, index: number): Problem[] {
  return isJsonObject(key) ? unknownFields(key, KEY_FIELDS, `${FORM}.trusted_keys[${index}]`) : [];
}

function copy(from: JsonObject, name: string, to: Record<string, unknown>, newName: string): void {
  if (Object.hasOwn(from, name)) to[newName] = from[name];
}

function asWritten({ field, message }: Problem): Problem {
  const written = field
    .replace(/^spec/, FORM)
    .replace('.requireSignature', '.require_signature')
    .replace('.trustedKeys', '.trusted_keys')
    .replace('.publicKey.pem', '.public_key');
  return { field: written, message };
}
