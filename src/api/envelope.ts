import { Refusal } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { isAbsent, objectAt, own, type JsonObject } from '../image/pod.ts';
import { quote } from '../image/quote.ts';
import { isJsonObject, join, readValue, unknownFields } from './field-problems.ts';
import { labelsOf } from './label-selector.ts';
import type { Problem, Resource } from './resources.ts';
import { MAX_NAME_CHARS, objectName } from './schema.ts';

export const GROUP = 'countersign.dev';
export const VERSION = 'v1alpha1';
export const KINDS = [
  'ClusterSigningPolicy',
  'SigningPolicy',
  'TrustedSigner',
  'TrustRoot',
  'SigningException',
] as const;
export type Kind = (typeof KINDS)[number];

/** A document whose kind and name are known; its spec is still untrusted. */
export interface Envelope {
  readonly kind: Kind;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly generation: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: JsonObject;
  readonly problems: readonly Problem[];
}

/** A resource, and all that is wrong with its document, also inside single entries. */
export interface Inspection<R extends Resource = Resource> {
  readonly resource: R;
  readonly problems: readonly Problem[];
}

/** @throws Refusal MALFORMED when it is not a document of ours, or nobody could say which one */
export function readEnvelope(document: unknown): Envelope {
  const object = objectAt(document, 'the document');
  const kind = kindOf(object);
  const metadata = objectAt(own(object, 'metadata'), 'metadata');
  const problems = [
    ...unknownFields(object, ['apiVersion', 'kind', 'metadata', 'spec', 'status'], ''),
    ...oddKeys(own(object, 'spec'), 'spec', LIMITS.jsonDepth),
  ];
  const name = nameOf(metadata, problems);
  const namespace = namespaceOf(metadata, kind, problems);
  const labels = labelsIn(metadata, problems);
  const generation = own(metadata, 'generation');
  const spec = own(object, 'spec');
  if (!isJsonObject(spec)) problems.push({ field: 'spec', message: 'must be an object' });
  return {
    kind,
    name,
    namespace,
    // A file has none.
    generation: typeof generation === 'number' && Number.isSafeInteger(generation) ? generation : 0,
    labels,
    spec: isJsonObject(spec) ? spec : {},
    problems,
  };
}

function kindOf(object: JsonObject): Kind {
  const apiVersion = own(object, 'apiVersion');
  const kind = own(object, 'kind');
  const known = KINDS.find((candidate) => candidate === kind);
  if (apiVersion === `${GROUP}/${VERSION}` && known !== undefined) return known;
  const found = [apiVersion, kind]
    .map((value) => (typeof value === 'string' ? quote(value) : 'nothing'))
    .join(' ');
  throw new Refusal(
    'MALFORMED',
    `expected apiVersion ${GROUP}/${VERSION} and kind ${KINDS.join(', ')}, not ${found}`,
  );
}

function nameOf(metadata: JsonObject, problems: Problem[]): string {
  const name = own(metadata, 'name');
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_CHARS) {
    throw new Refusal('MALFORMED', `metadata.name must be a name of 1 to ${MAX_NAME_CHARS} characters`);
  }
  problems.push(...readValue(objectName(), name, 'metadata.name').problems);
  return name;
}

/** A SigningPolicy that does not say where it belongs is about every namespace, and denies: its scope can only grow. */
function namespaceOf(metadata: JsonObject, kind: Kind, problems: Problem[]): string | undefined {
  const namespace = own(metadata, 'namespace');
  const field = 'metadata.namespace';
  if (kind === 'SigningPolicy') {
    const read = readValue(objectName(), namespace, field);
    problems.push(...read.problems);
    return read.value;
  }
  if (!isAbsent(namespace) && namespace !== '') {
    problems.push({ field, message: `${kind} belongs to the whole cluster and has no namespace` });
  }
  return undefined;
}

function labelsIn(metadata: JsonObject, problems: Problem[]): Readonly<Record<string, string>> {
  const labels = own(metadata, 'labels');
  if (isAbsent(labels)) return labelsOf([]);
  if (isJsonObject(labels)) {
    const entries = Object.entries(labels);
    if (entries.every((entry): entry is [string, string] => typeof entry[1] === 'string'))
      return labelsOf(entries);
  }
  problems.push({ field: 'metadata.labels', message: 'must be an object of strings' });
  return labelsOf([]);
}

/** Keys that readers of JSON treat differently, and nesting that no schema of ours has: nothing of either is skipped in silence. */
function oddKeys(value: unknown, at: string, depth: number): Problem[] {
  if (typeof value !== 'object' || value === null) return [];
  if (depth === 0) return [{ field: at, message: `is nested more than ${LIMITS.jsonDepth} deep` }];
  if (Array.isArray(value)) return value.flatMap((item, index) => oddKeys(item, join(at, index), depth - 1));
  return Object.entries(value).flatMap(([key, item]) =>
    key === '__proto__'
      ? [{ field: join(at, key), message: 'is not a known field' }]
      : oddKeys(item, join(at, key), depth - 1),
  );
}
